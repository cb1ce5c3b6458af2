//! Whether a file is a mount of its own.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Whether the file at a path without links is a lone bind mount, as `subPath` makes it: such a mount keeps
/// showing the file that it was made from when the file is replaced.
///
/// What can not be read counts as no mount: nothing but a warning hangs on it.
pub(super) fn is_lone_file(path: &Path) -> bool {
    std::fs::read("/proc/self/mountinfo").is_ok_and(|table| mount_points(&table).any(|point| point == path))
}

/// The mount points of a mountinfo table: the fifth field of each line (`proc_pid_mountinfo(5)`).
fn mount_points(table: &[u8]) -> impl Iterator<Item = PathBuf> + '_ {
    table
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(unescape)
}

/// Space, tab, newline and backslash come as three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] = rest {
            bytes.push(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0'));
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    // A mount point whose directory was removed has this suffix.
    let bytes = bytes.strip_suffix(b"//deleted").map(<[u8]>::to_vec).unwrap_or(bytes);
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As seen in a container with a ConfigMap volume and, beside it, the same volume's file by `subPath`.
    const TABLE: &str = "\
        2201 1984 0:330 / / rw,relatime - overlay overlay rw,lowerdir=/l\n\
        2210 2201 254:0 /kubelet/pods/9f/volumes/kubernetes.io~configmap/cfg /etc/app ro,relatime - ext4 /dev/vda rw\n\
        2211 2201 254:0 /kubelet/pods/9f/volumes/kubernetes.io~configmap/cfg/..2026/config.yml//deleted \
         /etc/lone/config.yml ro,relatime - ext4 /dev/vda rw\n\
        2212 2201 254:0 /x /etc/with\\040space/config.yml ro master:1 - ext4 /dev/vda rw\n";

    fn check(path: &str, expected: bool) {
        let found = mount_points(TABLE.as_bytes()).any(|point| point == Path::new(path));
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn a_file_that_is_a_mount_point_is_found_and_a_file_in_a_mounted_directory_is_not() {
        check("/etc/lone/config.yml", true);
        check("/etc/with space/config.yml", true);
        check("/etc/app/config.yml", false);
        check("/etc/app/..2026/config.yml", false);
    }

    #[test]
    fn a_broken_table_has_no_mount_points_and_does_no_harm() {
        for table in ["", "\n\n", "1 2 3", "1 2 3 4 "] {
            assert!(!mount_points(table.as_bytes()).any(|point| point == Path::new("/etc/app")), "{table:?}");
        }
    }
}

//! Reading one regular file, and nothing else, without ever blocking on a pipe or a device.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use super::error::FileError;

/// What changes when the content of a file does, and not when its mode or the number of its names does. Times can
/// be wrong both ways, so this only ever asks for one more reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Identity {
    /// The identity of what is at a path now.
    pub(super) fn of(path: &Path) -> Option<Self> {
        std::fs::symlink_metadata(path).ok().map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// Reads the regular file at a path without links; the identity is that of before the reading.
pub(super) fn read(path: &Path, limit: u64) -> Result<(Vec<u8>, Identity), FileError> {
    let of_error = |error: io::Error| FileError::new(path, &error);
    // Opening a device can already do something, so the type is asked first, and again once it is open.
    check(&std::fs::symlink_metadata(path).map_err(of_error)?, limit)?;
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(of_error)?;
    let metadata = file.metadata().map_err(of_error)?;
    check(&metadata, limit)?;
    let bytes = read_capped(file, metadata.size(), limit).map_err(of_error)?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLarge { size: bytes.len() as u64, limit });
    }
    Ok((bytes, Identity::from(&metadata)))
}

fn check(metadata: &Metadata, limit: u64) -> Result<(), FileError> {
    let kind = metadata.file_type();
    if !kind.is_file() {
        return Err(FileError::NotRegular(match () {
            () if kind.is_dir() => "directory",
            () if kind.is_fifo() => "named pipe",
            () if kind.is_socket() => "socket",
            () if kind.is_char_device() || kind.is_block_device() => "device",
            () => "symbolic link",
        }));
    }
    if metadata.size() > limit {
        return Err(FileError::TooLarge { size: metadata.size(), limit });
    }
    Ok(())
}

/// Reads one byte more than the limit at most, for a file may grow, or tell no size.
fn read_capped(file: File, size: u64, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(limit) + 1).unwrap_or_default());
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::Mode;

    use super::*;

    const LIMIT: u64 = 1 << 20;

    fn check_problem(path: &Path, expected: &str) {
        let problem = read(path, LIMIT).unwrap_err().to_string();
        assert!(problem.contains(expected), "{problem:?} does not contain {expected:?}");
    }

    #[test]
    fn a_directory_a_pipe_and_a_device_are_named_at_once_and_never_block() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::from_bits_truncate(0o600)).unwrap();
        check_problem(directory.path(), "is a directory");
        check_problem(&pipe, "is a named pipe");
        check_problem(Path::new("/dev/zero"), "is a device");
    }

    #[test]
    fn a_sparse_file_of_two_gibibytes_is_refused_before_it_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("huge");
        File::create(&path).unwrap().set_len(2 << 30).unwrap();
        assert_eq!(read(&path, LIMIT).unwrap_err(), FileError::TooLarge { size: 2 << 30, limit: LIMIT });
    }

    #[test]
    fn a_file_that_tells_no_size_is_read_up_to_the_limit() {
        let (bytes, _) =
            read(&Path::new("/proc").join(std::process::id().to_string()).join("maps"), LIMIT).unwrap();
        assert!(!bytes.is_empty());
        let problem =
            read(&Path::new("/proc").join(std::process::id().to_string()).join("maps"), 10).unwrap_err();
        assert_eq!(problem, FileError::TooLarge { size: 11, limit: 10 });
    }

    #[test]
    fn exactly_the_limit_is_allowed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, vec![b'x'; 10]).unwrap();
        assert_eq!(read(&path, 10).unwrap().0.len(), 10);
    }

    #[test]
    fn an_error_in_the_middle_of_a_read_is_an_error_and_not_a_short_file() {
        // Reading address 0 of our own memory is EIO (proc_pid_mem(5)), of a regular file.
        check_problem(Path::new(&format!("/proc/{}/mem", std::process::id())), "can not be read");
    }
}

//! Whether a file is a mount of its own.

use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

/// Whether the file at a path without links is a lone bind mount, as `subPath` makes it: such a mount keeps
/// showing the file that it was made from when the file is replaced.
///
/// Linux tells it since 5.8. What is not known counts as no mount: only a warning and a metric depend on it.
pub(super) fn is_lone_file(path: &Path) -> bool {
    statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

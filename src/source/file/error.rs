//! Why a file can not be read, in words for the person who has to mend it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::{getegid, geteuid};

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file is not there, which may last only as long as a swap: see [`ReadError::retry_after`].
    #[error("{path}: not there at the moment; reading again", path = .path.display())]
    Vanished {
        /// The configuration, or a file that it names.
        path: PathBuf,
        /// When to read again.
        after: Duration,
    },
    /// The files change faster than they can be read, or two snapshots in a row have not yet agreed.
    #[error("{path}: still changing; reading again", path = .path.display())]
    Unsettled {
        /// The configuration.
        path: PathBuf,
        /// When to read again.
        after: Duration,
    },
    /// The configuration can not be read.
    #[error("{path}: {problem}", path = .path.display())]
    Unreadable {
        /// The configuration.
        path: PathBuf,
        /// Why.
        problem: FileError,
    },
}

impl ReadError {
    /// After which time to read again before anything is reported; `None` when this is the verdict.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Vanished { after, .. } | Self::Unsettled { after, .. } => Some(*after),
            Self::Unreadable { .. } => None,
        }
    }
}

/// Why one file can not be read; a sentence without the file's path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing is there.
    #[error("no such file: {place} does not exist; create it or correct the path", place = .0.display())]
    Missing(PathBuf),
    /// Links that lead in a circle.
    #[error(
        "too many symbolic links (ELOOP): the links of this path point at each other; point one at a file"
    )]
    Loop,
    /// The permissions keep us out.
    #[error("{0}")]
    Denied(String),
    /// Not a regular file.
    #[error("is a {0}, not a regular file; name a file")]
    NotRegular(&'static str),
    /// More than any such file can have.
    #[error("has {size} bytes, at most {limit} are read; is it the right file?")]
    TooLarge {
        /// The size in bytes, or the least that it has when it tells no size.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// The system could not read it.
    #[error("can not be read: {0}")]
    Io(String),
}

impl FileError {
    /// Why the system call on `path` failed.
    pub(super) fn new(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing(path.to_owned()),
            _ if error.raw_os_error() == Some(Errno::ELOOP as i32) => Self::Loop,
            io::ErrorKind::PermissionDenied => Self::Denied(denied(path)),
            _ => Self::Io(error.to_string()),
        }
    }
}

/// Says which permissions keep us out: those of the file, or those of a directory above it.
fn denied(path: &Path) -> String {
    let we = format!("we are uid {} gid {}", geteuid(), getegid());
    let known = path.ancestors().find_map(|known| Some((known, std::fs::metadata(known).ok()?)));
    let Some((known, metadata)) = known else {
        return format!("permission denied ({we}); give us the right to read it");
    };
    let (mode, uid, gid) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
    let permissions = format!("mode {mode:04o}, owner uid {uid} gid {gid}; {we}");
    if known == path {
        return format!(
            "permission denied ({permissions}); give us the right to read it, in Kubernetes by the volume's \
             defaultMode or the pod's fsGroup"
        );
    }
    format!("permission denied in {} ({permissions}); give us the right to enter it", known.display())
}

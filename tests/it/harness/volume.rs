use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A ConfigMap volume that is written as the kubelet writes it: a new timestamped directory, a new `..data` link
/// renamed over the old one, then the old directory removed (Kubernetes, `pkg/volume/util/atomic_writer.go`).
pub struct Volume {
    root: PathBuf,
    keep: Option<tempfile::TempDir>,
}

/// Puts a file in place as a whole. What is written in place is empty for a moment, which is long on a busy machine.
pub fn put(path: &Path, text: &str) {
    let next = path.with_extension("next");
    fs::write(&next, text).unwrap();
    fs::rename(next, path).unwrap();
}

static STAMP: AtomicU64 = AtomicU64::new(0);

impl Volume {
    /// A volume in a temporary directory.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut volume = Self::at(directory.path(), files);
        volume.keep = Some(directory);
        volume
    }

    /// A volume at a path.
    pub fn at(root: &Path, files: &[(&str, &str)]) -> Self {
        fs::create_dir_all(root).unwrap();
        let volume = Self { root: root.to_owned(), keep: None };
        volume.swap(files);
        volume
    }

    /// A directory of plain files below a temporary one, which lives as long.
    pub fn plain(keep: tempfile::TempDir, name: &str) -> Self {
        let root = keep.path().join(name);
        fs::create_dir_all(&root).unwrap();
        Self { root, keep: Some(keep) }
    }

    /// Where it is mounted.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The visible path of a key.
    pub fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// One update: steps 5 to 12 of the kubelet's writer.
    pub fn swap(&self, files: &[(&str, &str)]) {
        let old = fs::read_link(self.root.join("..data")).ok();
        let number = STAMP.fetch_add(1, Ordering::Relaxed);
        let stamp = format!("..2026_11_24_10_02_26.{number:010}");
        let payload = self.root.join(&stamp);
        fs::create_dir(&payload).unwrap();
        for (key, text) in files {
            fs::write(payload.join(key), text).unwrap();
        }
        symlink(&stamp, self.root.join("..data_tmp")).unwrap();
        fs::rename(self.root.join("..data_tmp"), self.root.join("..data")).unwrap();
        for (key, _) in files {
            if fs::symlink_metadata(self.root.join(key)).is_err() {
                symlink(Path::new("..data").join(key), self.root.join(key)).unwrap();
            }
        }
        if let Some(old) = old {
            self.remove_links(files);
            fs::remove_dir_all(self.root.join(old)).unwrap();
        }
    }

    fn remove_links(&self, files: &[(&str, &str)]) {
        for entry in fs::read_dir(&self.root).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if !name.starts_with("..") && files.iter().all(|(key, _)| *key != name) {
                fs::remove_file(self.root.join(name)).unwrap();
            }
        }
    }
}

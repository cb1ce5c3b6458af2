//! A mounted ConfigMap, replaced as the kubelet does it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Instant;

const KEY: &str = "config.yaml";

/// A mounted ConfigMap with one key, replaced as the kubelet does it (Kubernetes, `pkg/volume/util/atomic_writer.go`).
pub struct Volume {
    directory: tempfile::TempDir,
    swaps: u32,
}

impl Volume {
    /// A volume that holds `text`.
    pub fn new(text: &str) -> Self {
        let mut volume = Self { directory: tempfile::tempdir().unwrap(), swaps: 0 };
        volume.swap(text);
        symlink(format!("..data/{KEY}"), volume.file()).unwrap();
        volume
    }

    /// The file that the program reads.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join(KEY)
    }

    /// Replaces the content; the moment before the one step that makes the new content visible.
    pub fn swap(&mut self, text: &str) -> Instant {
        let root = self.directory.path();
        let old = fs::read_link(root.join("..data")).ok();
        self.swaps += 1;
        let payload = format!("..2026_11_24_10_02_26.{:010}", self.swaps);
        fs::create_dir(root.join(&payload)).unwrap();
        fs::write(root.join(&payload).join(KEY), text).unwrap();
        symlink(&payload, root.join("..data_tmp")).unwrap();
        let renamed = Instant::now();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        if let Some(old) = old {
            fs::remove_dir_all(root.join(old)).unwrap();
        }
        renamed
    }
}

//! A volume that is updated just as the kubelet does it (`pkg/volume/util/atomic_writer.go`), step by step.
//!
//! The unit tests include this file too, and no level of tests needs all of it.
#![allow(dead_code, unreachable_pub)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// When the visible links of new keys are made: newer kubelets make them after the swap, older ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkOrder {
    BeforeSwap,
    AfterSwap,
}

/// One step of an update, by its number in the kubelet's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// 5 and 6: a new timestamped directory with the files in it.
    Payload,
    /// 8: the link `..data_tmp`.
    TemporaryLink,
    /// 9: the rename over `..data`.
    Swap,
    /// 10: links of new keys.
    NewLinks,
    /// 11: links of removed keys go.
    StaleLinks,
    /// 12: the old directory goes.
    OldPayload,
}

/// A mounted ConfigMap or Secret volume.
#[derive(Debug)]
pub struct Volume {
    root: PathBuf,
    order: LinkOrder,
    /// Removed with the volume.
    directory: Option<tempfile::TempDir>,
}

/// An update under way.
#[derive(Debug)]
pub struct Update<'a> {
    volume: &'a Volume,
    files: BTreeMap<String, Vec<u8>>,
    payload: PathBuf,
    old: Option<PathBuf>,
}

/// Puts a file in place as a whole. What is written in place is empty for a moment, which is long on a busy machine.
pub fn put(path: &Path, text: &str) {
    let next = path.with_extension("next");
    fs::write(&next, text).unwrap();
    fs::rename(next, path).unwrap();
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

impl Volume {
    /// A volume with these keys in a temporary directory.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut volume = Self::at(directory.path(), LinkOrder::AfterSwap);
        volume.directory = Some(directory);
        volume.swap(files);
        volume
    }

    /// A volume without keys at an empty directory, which is made if need be.
    pub fn at(root: &Path, order: LinkOrder) -> Self {
        fs::create_dir_all(root).unwrap();
        Self { root: root.to_owned(), order, directory: None }
    }

    /// A directory of plain files below a temporary one, which lives as long.
    pub fn plain(directory: tempfile::TempDir, name: &str) -> Self {
        let volume = Self::at(&directory.path().join(name), LinkOrder::AfterSwap);
        Self { directory: Some(directory), ..volume }
    }

    /// Where it is mounted.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The visible path of a key.
    pub fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Removes the visible link of a key.
    pub fn remove(&self, key: &str) {
        fs::remove_file(self.path(key)).unwrap();
    }

    /// Updates the volume to exactly these keys; paths may have sub-directories, as `items` allows.
    pub fn swap(&self, files: &[(&str, &str)]) {
        let update = self.begin(files);
        for step in update.steps() {
            update.take(step);
        }
    }

    /// Begins an update whose steps are then taken one by one.
    pub fn begin(&self, files: &[(&str, &str)]) -> Update<'_> {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let payload = format!("..2026_11_23_10_01_{:02}.{}", number % 60, 3_466_630_818 + number);
        Update {
            volume: self,
            files: files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect(),
            payload: PathBuf::from(payload),
            old: fs::read_link(self.root.join("..data")).ok(),
        }
    }

    fn visible(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(&self.root).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.starts_with("..")).collect()
    }
}

impl Update<'_> {
    /// All steps in the order of this volume's kubelet.
    pub fn steps(&self) -> [Step; 6] {
        use Step::{NewLinks, OldPayload, Payload, StaleLinks, Swap, TemporaryLink};
        match self.volume.order {
            LinkOrder::AfterSwap => [Payload, TemporaryLink, Swap, NewLinks, StaleLinks, OldPayload],
            LinkOrder::BeforeSwap => [Payload, NewLinks, TemporaryLink, Swap, StaleLinks, OldPayload],
        }
    }

    /// The directory that this update brings.
    pub fn payload(&self) -> PathBuf {
        self.volume.root.join(&self.payload)
    }

    pub fn take(&self, step: Step) {
        let root = &self.volume.root;
        match step {
            Step::Payload => self.write(),
            Step::TemporaryLink => symlink(&self.payload, root.join("..data_tmp")).unwrap(),
            Step::Swap => fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap(),
            Step::NewLinks => {
                for name in self.names().difference(&self.volume.visible()) {
                    symlink(Path::new("..data").join(name), root.join(name)).unwrap();
                }
            }
            Step::StaleLinks => {
                for name in self.volume.visible().difference(&self.names()) {
                    fs::remove_file(root.join(name)).unwrap();
                }
            }
            Step::OldPayload => {
                if let Some(old) = &self.old {
                    fs::remove_dir_all(root.join(old)).unwrap();
                }
            }
        }
    }

    fn write(&self) {
        let payload = self.payload();
        fs::create_dir(&payload).unwrap();
        fs::set_permissions(&payload, fs::Permissions::from_mode(0o755)).unwrap();
        for (path, bytes) in &self.files {
            let file = payload.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            write_file(&file, bytes).unwrap();
        }
    }

    /// The visible links: the first element of each path.
    fn names(&self) -> BTreeSet<String> {
        self.files.keys().filter_map(|path| path.split('/').next()).map(str::to_owned).collect()
    }
}

fn write_file(file: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(file, bytes)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o644))
}

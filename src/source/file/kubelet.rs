//! A volume that is updated just as the kubelet does it (`pkg/volume/util/atomic_writer.go`), step by step.
//!
//! Only the standard library, so that tests of all kinds can include this file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// When the visible links of new keys are made: newer kubelets make them after the swap, older ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkOrder {
    BeforeSwap,
    AfterSwap,
}

/// One step of an update, by its number in the kubelet's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
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
pub(crate) struct Volume {
    root: PathBuf,
    order: LinkOrder,
}

/// An update under way.
#[derive(Debug)]
pub(crate) struct Update<'a> {
    volume: &'a Volume,
    files: BTreeMap<String, Vec<u8>>,
    payload: PathBuf,
    old: Option<PathBuf>,
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

impl Volume {
    /// A volume at an existing, empty directory.
    pub(crate) fn at(root: &Path, order: LinkOrder) -> Self {
        Self { root: root.to_owned(), order }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Updates the volume to exactly these keys; paths may have sub-directories, as `items` allows.
    pub(crate) fn swap(&self, files: &[(&str, &str)]) {
        let update = self.begin(files);
        for step in update.steps() {
            update.take(step);
        }
    }

    /// Begins an update whose steps are then taken one by one.
    pub(crate) fn begin(&self, files: &[(&str, &str)]) -> Update<'_> {
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
    pub(crate) fn steps(&self) -> [Step; 6] {
        use Step::{NewLinks, OldPayload, Payload, StaleLinks, Swap, TemporaryLink};
        match self.volume.order {
            LinkOrder::AfterSwap => [Payload, TemporaryLink, Swap, NewLinks, StaleLinks, OldPayload],
            LinkOrder::BeforeSwap => [Payload, NewLinks, TemporaryLink, Swap, StaleLinks, OldPayload],
        }
    }

    /// The directory that this update brings.
    pub(crate) fn payload(&self) -> PathBuf {
        self.volume.root.join(&self.payload)
    }

    pub(crate) fn take(&self, step: Step) {
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

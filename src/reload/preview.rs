//! The judgement of a text that nobody runs: what would come of it here and now.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::ConfigReader;
use super::candidate::{Unfit, check};
use super::traits::SnapshotReader;
use crate::config::{self, Config, ConfigDiff, Environment, Files, SiteId, Strictness, Violation};
use crate::source::file::FileReader;

/// How many texts are judged at one time. Whoever waits longer than a judgement may take is told so.
const AT_ONE_TIME: usize = 4;

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Judges texts by the code of the reload, with what this process has: files and variables. It neither touches the
/// reloader nor waits for it. Each text gets a reader of its own, since a reader remembers one series of reads.
#[derive(Clone)]
pub(crate) struct Preview {
    reader: Arc<dyn Fn() -> Box<dyn SnapshotReader> + Send + Sync>,
    running: ConfigReader,
    permits: Arc<Semaphore>,
}

/// What would come of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It would run.
    Fit {
        /// What is to be known of it, a line each.
        remarks: Vec<String>,
    },
    /// It can not run.
    Unfit {
        /// All mistakes, by their place.
        mistakes: Vec<Violation>,
    },
}

/// No judgement came in time, or none at all: a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Hung {
    /// The file system of the files that the text names, or too many others that are judged.
    #[error("not judged: the exporter has not read the files that it names in {PATIENCE:?}")]
    Late,
    /// The check panicked.
    #[error("not judged: internal error: a check panicked; this is a bug in nbu-exporter, please report it")]
    Panicked,
}

impl Preview {
    /// With a reader for each text, against what runs.
    pub(crate) fn new(
        reader: impl Fn() -> FileReader + Send + Sync + 'static,
        running: ConfigReader,
    ) -> Self {
        let reader = Arc::new(move || -> Box<dyn SnapshotReader> { Box::new(reader()) });
        Self { reader, running, permits: Arc::new(Semaphore::new(AT_ONE_TIME)) }
    }

    /// Judges a text. It waits for a bounded time.
    pub(crate) async fn judge(&self, text: Vec<u8>) -> Result<Judgement, Hung> {
        let deadline = Instant::now() + PATIENCE;
        // The semaphore is never closed.
        let Ok(Ok(permit)) = timeout_at(deadline, self.permits.clone().acquire_owned()).await else {
            return Err(Hung::Late);
        };
        let (reader, running) = (self.reader.clone(), self.running.clone());
        let task = spawn_blocking(move || {
            // It ends with the thread, so that no more threads hang than there are permits.
            let _permit = permit;
            judge(&*reader(), &text, running.load().as_ref().map(|running| &running.config))
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(judgement)) => Ok(judgement),
            Ok(Err(_)) => Err(Hung::Panicked),
            Err(_) => Err(Hung::Late),
        }
    }
}

/// Reads what the text names, and checks it; it blocks.
fn judge(reader: &dyn SnapshotReader, text: &[u8], running: Option<&Config>) -> Judgement {
    let path = reader.path();
    let references = |text: &[u8], environment: &Environment, files: &Files| {
        config::references(path, text, environment, files)
    };
    let snapshot = loop {
        match reader.read(Some(text), &references) {
            Ok(snapshot) => break snapshot,
            Err(error) => match error.retry_after() {
                Some(pause) => std::thread::sleep(pause),
                None => return Judgement::Fit { remarks: vec![format!("not judged: {error}")] },
            },
        }
    };
    let (loaded, lacking) = match check(path, &snapshot.material) {
        Ok(loaded) => (Some(loaded), Vec::new()),
        // What it lacks may still come, and a start would go on without it.
        Err(Unfit { report, lacks_reference: true }) => {
            (config::load(path, &snapshot.material, Strictness::Start).ok(), report.violations)
        }
        Err(Unfit { report, lacks_reference: false }) => {
            return Judgement::Unfit { mistakes: report.violations };
        }
    };
    let removed = running.zip(loaded.as_ref()).map(|(running, next)| removed(running, &next.config));
    let warnings = loaded.iter().flat_map(|loaded| &loaded.warnings);
    let lines = lacking.iter().chain(warnings).map(ToString::to_string);
    Judgement::Fit { remarks: removed.into_iter().flatten().chain(lines).chain(snapshot.notes).collect() }
}

/// The sites that run and are gone from the next configuration.
fn removed(running: &Config, next: &Config) -> Vec<String> {
    let is_there = |id: &SiteId| next.lacking.iter().any(|site| &site.id == id);
    let gone = ConfigDiff::between(running, next).removed.into_iter().filter(|id| !is_there(id));
    gone.map(|id| format!("site {id} is removed: it is asked no longer, and its series end")).collect()
}

impl fmt::Debug for Preview {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Preview")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{Material, fixture};
    use crate::reload::{ActiveConfig, ConfigWriter};
    use crate::source::file::{FileSnapshot, FileSource, Options, ReadError, References};

    const SITE: &str = "nbuservers:\n  - site: paris\n    host: nbu.example\n    port: 1556\n";

    struct Court {
        directory: tempfile::TempDir,
        running: ConfigWriter,
        preview: Preview,
    }

    impl Court {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let variables = [("KEY".to_owned(), "from the pod".to_owned())].into();
            let source =
                FileSource::new(&directory.path().join("config.yaml"), variables, Options::default());
            let (running, reader) = ConfigWriter::new(None);
            let preview = Preview::new(move || source.reader(), reader);
            Self { directory, running, preview }
        }

        async fn judge(&self, text: &str) -> Judgement {
            self.preview.judge(text.as_bytes().to_vec()).await.unwrap()
        }

        async fn remarks(&self, text: &str) -> Vec<String> {
            match self.judge(text).await {
                Judgement::Fit { remarks } => remarks,
                Judgement::Unfit { mistakes } => panic!("{mistakes:?}"),
            }
        }
    }

    #[tokio::test]
    async fn every_mistake_is_told_with_its_place_and_what_this_pod_has_is_known() {
        let court = Court::new();
        let Judgement::Unfit { mistakes } = court.judge("nbuservers:\n  - site: paris\n    prot: 1\n").await
        else {
            panic!("it is fit")
        };
        let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        assert!(
            lines.len() > 1 && lines.iter().any(|line| line.starts_with("3:5: nbuservers[0].prot: ")),
            "{lines:?}"
        );
        assert_eq!(court.remarks(&format!("{SITE}    apiKey: ${{KEY}}\n")).await, [""; 0]);
        fs::write(court.directory.path().join("key"), "k").unwrap();
        assert_eq!(court.remarks(&format!("{SITE}    apiKeyFile: key\n")).await, [""; 0]);
    }

    /// Reads nothing before it is let go.
    #[derive(Debug)]
    struct Stuck(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

    impl SnapshotReader for Stuck {
        fn path(&self) -> &std::path::Path {
            "config.yaml".as_ref()
        }

        fn read(&self, _: Option<&[u8]>, _: &References<'_>) -> Result<FileSnapshot, ReadError> {
            let _ = self.0.lock().unwrap().recv();
            Ok(FileSnapshot { material: Material::default(), notes: Vec::new(), beside: [].into() })
        }

        fn is_lone_mount(&self) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn a_file_system_that_does_not_answer_refuses_nothing() {
        let mut held = Vec::new();
        let (reads, mut reading) = tokio::sync::mpsc::unbounded_channel();
        let (handed, readers) = std::sync::mpsc::channel();
        for _ in 0..AT_ONE_TIME {
            let (let_go, stuck) = std::sync::mpsc::channel();
            held.push(let_go);
            handed.send(Stuck(std::sync::Mutex::new(stuck))).unwrap();
        }
        let readers = std::sync::Mutex::new(readers);
        let reader = move || -> Box<dyn SnapshotReader> {
            reads.send(()).unwrap();
            Box::new(readers.lock().unwrap().recv().unwrap())
        };
        let preview = Preview { reader: Arc::new(reader), ..Court::new().preview };
        let judge = || {
            tokio::spawn({
                let preview = preview.clone();
                async move { preview.judge(b"nbuservers: []".to_vec()).await }
            })
        };
        let hanging: Vec<_> = (0..AT_ONE_TIME).map(|_| judge()).collect();
        for _ in 0..AT_ONE_TIME {
            reading.recv().await.unwrap();
        }
        let waiting = judge();
        tokio::task::yield_now().await;
        tokio::time::pause();
        // Timers have a resolution of a millisecond.
        tokio::time::advance(PATIENCE * 2).await;
        for task in hanging.into_iter().chain([waiting]) {
            assert_eq!(task.await.unwrap(), Err(Hung::Late));
        }
        assert!(reading.try_recv().is_err(), "no thread more than there are permits");
        drop(held);
    }

    #[tokio::test]
    async fn what_may_still_come_is_a_remark_and_no_mistake() {
        let court = Court::new();
        let remarks = court.remarks(&format!("{SITE}    apiKeyFile: later\n")).await;
        assert!(
            matches!(&remarks[..], [one] if one.starts_with("5:17: nbuservers[0].apiKeyFile: ")),
            "{remarks:?}"
        );
    }

    #[tokio::test]
    async fn a_site_that_runs_and_is_gone_is_a_remark_unless_it_only_lacks_its_key() {
        let court = Court::new();
        let sites = ["paris", "lyon"].map(|name| {
            let endpoint =
                crate::config::Endpoint::new(crate::config::Scheme::Https, "nbu.example", 1556, "/netbackup");
            fixture::site(name, endpoint)
        });
        let running = ActiveConfig::fixture(fixture::config(sites.to_vec()), "");
        court.running.publish(Arc::new(running));
        let remarks = court.remarks(&format!("{SITE}    apiKeyFile: later\n")).await;
        assert_eq!(remarks.len(), 2, "{remarks:?}");
        assert!(remarks[0].starts_with("site lyon is removed"), "{remarks:?}");
    }
}

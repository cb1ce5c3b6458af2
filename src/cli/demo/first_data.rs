//! What the demo waits for until there is something to look at.

use std::io::{self, Write};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::snapshot::{Snapshot, SnapshotStore};

/// How often it is looked whether there is more.
const LOOK: Duration = Duration::from_millis(250);

/// A site that is waited for.
struct Awaited {
    site: String,
    /// How many of its collectors have run, when that was said last.
    said: usize,
}

/// Says what is waited for, and of each site when its first data is there and when all collectors have run.
pub(super) async fn tell(sites: Vec<String>, store: &SnapshotStore, mut out: impl Write) -> io::Result<()> {
    writeln!(out, "wait    for the first data of {}; it takes some seconds", sites.join(" and "))?;
    let began = Instant::now();
    let mut awaited: Vec<_> = sites.into_iter().map(|site| Awaited { site, said: 0 }).collect();
    while !awaited.is_empty() {
        sleep(LOOK).await;
        let snapshots = store.load();
        for one in &mut awaited {
            let snapshot = snapshots.sites.values().find(|snapshot| *snapshot.site == *one.site);
            let Some(line) = snapshot.and_then(|snapshot| one.news(snapshot)) else { continue };
            writeln!(out, "        {line} after {} s", began.elapsed().as_secs())?;
        }
        // A site that was renamed or taken away meanwhile is not waited for.
        awaited.retain(|one| {
            let snapshot = snapshots.sites.values().find(|snapshot| *snapshot.site == *one.site);
            snapshot.map_or(one.said == 0, |snapshot| one.said < snapshot.report.collectors.len())
        });
    }
    writeln!(out)
}

impl Awaited {
    /// What there is to say of it now.
    fn news(&mut self, snapshot: &Snapshot) -> Option<String> {
        let all = snapshot.report.collectors.len();
        let ran = snapshot.report.collectors.iter().filter(|report| report.last.is_some()).count();
        let is_first = self.said == 0 && snapshot.complete;
        if !is_first && (ran < all || self.said == all) {
            return None;
        }
        self.said = ran.max(1);
        Some(format!("{}: {ran} of {all} collectors have run", self.site))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::config::SiteId;
    use crate::snapshot::{CollectorReport, RunClock, RunReport, SiteReport};

    fn snapshot(ran: usize) -> Snapshot {
        let run = RunReport {
            is_supported: true,
            success: true,
            unauthorized: false,
            truncated: false,
            records: None,
            requests: 1,
            duration: Duration::ZERO,
            last_success: None,
            series: 0,
        };
        let report = |number| CollectorReport {
            name: "jobs",
            interval: Duration::ZERO,
            last: (number < ran).then(|| run.clone()),
            next: Timestamp::UNIX_EPOCH,
            clock: RunClock::default(),
            fault: None,
        };
        Snapshot {
            site: "paris".into(),
            taken_at: Timestamp::UNIX_EPOCH,
            up: Some(true),
            complete: ran > 0,
            unauthorized: Vec::new(),
            fragments: Vec::new(),
            report: SiteReport { collectors: (0..3).map(report).collect(), ..SiteReport::default() },
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_when_there_is_something_to_look_at_and_when_all_is_there() {
        let (store, mut out) = (SnapshotStore::default(), Vec::new());
        let writer = store.writer(SiteId::Named("paris".into()));
        let collect = async {
            for ran in [0, 2, 2, 3] {
                writer.publish(snapshot(ran));
                sleep(Duration::from_secs(1)).await;
            }
        };
        let (told, ()) = tokio::join!(tell(vec!["paris".to_owned()], &store, &mut out), collect);
        told.unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "wait    for the first data of paris; it takes some seconds\n        paris: 2 of 3 collectors have run after 1 s\n        \
             paris: 3 of 3 collectors have run after 3 s\n\n"
        );
    }
}

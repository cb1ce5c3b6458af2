//! A site in the picture.

use jiff::Timestamp;

use super::collector;
use super::counts::{self, SiteCounts};
use super::model::{CollectorPicture, FaultPicture, SiteHealth, SitePicture};
use super::moment::{seconds_between, whole};
use super::words::in_words;
use crate::config::{LackingSite, Site};
use crate::netbackup::{NEW_KEY, NEXT_KEY};
use crate::snapshot::{SiteReport, Snapshot};

/// A key or a certificate that ends within these days is told: time enough to make a new one.
const WARN_DAYS: f64 = 30.0;

/// What the picture of a site is made from.
#[derive(Clone, Copy)]
pub(super) enum Of<'a> {
    /// One that is collected, with what came of that.
    Site(&'a Site, Option<&'a Snapshot>),
    /// One that can not be collected.
    Lacking(&'a LackingSite),
}

/// What is known of a site.
pub(super) fn of(site: Of<'_>, now: Timestamp) -> SitePicture {
    match site {
        Of::Site(site, None) => empty(&site.name, Some(site.endpoint.to_string()), SiteHealth::Waiting),
        Of::Site(site, Some(snapshot)) => collected(site, snapshot, now),
        Of::Lacking(site) => {
            let endpoint = site.endpoint.as_ref().map(ToString::to_string);
            let cure = "put it in place: it is looked for again by itself";
            let fault = FaultPicture { what: site.why.clone(), cure: cure.to_owned() };
            SitePicture { faults: vec![fault], ..empty(&site.name, endpoint, SiteHealth::Down) }
        }
    }
}

fn empty(name: &str, endpoint: Option<String>, state: SiteHealth) -> SitePicture {
    SitePicture {
        name: name.to_owned(),
        endpoint,
        state,
        faults: Vec::new(),
        api_version: None,
        key_accepted: None,
        key_ends_at: None,
        certificate_ends_at: None,
        quiet_until: None,
        collected_at: None,
        history_read_ratio: None,
        jobs_read_ratio: None,
        counts: SiteCounts::default(),
        collectors: Vec::new(),
    }
}

fn collected(site: &Site, snapshot: &Snapshot, now: Timestamp) -> SitePicture {
    let report = &snapshot.report;
    let mut collectors: Vec<_> = report.collectors.iter().map(|report| collector::of(report, now)).collect();
    collectors.sort_by_key(|collector| collector.state);
    let faults = faults(report, snapshot.up, now);
    SitePicture {
        state: health(snapshot, &collectors, &faults),
        faults,
        api_version: report.version.map(|version| version.to_string()),
        key_accepted: report.key_accepted,
        key_ends_at: report.key_end.map(whole),
        certificate_ends_at: report.certificate_end.map(whole),
        quiet_until: report.quiet_until.filter(|until| *until > now).map(whole),
        collected_at: report
            .collectors
            .iter()
            .filter_map(|one| one.last.as_ref()?.last_success)
            .max()
            .map(whole),
        history_read_ratio: counts::only(snapshot, "nbu_backup_history_read_ratio"),
        jobs_read_ratio: counts::only(snapshot, "nbu_jobs_window_read_ratio"),
        counts: counts::of(snapshot, now),
        collectors,
        ..empty(&site.name, Some(site.endpoint.to_string()), SiteHealth::Collected)
    }
}

fn health(snapshot: &Snapshot, collectors: &[CollectorPicture], faults: &[FaultPicture]) -> SiteHealth {
    let worst = collectors.iter().map(|collector| collector.state.of_site()).min();
    match snapshot.up {
        Some(false) => SiteHealth::Down,
        None => SiteHealth::Waiting,
        Some(true) if snapshot.report.key_accepted == Some(false) => SiteHealth::Failing,
        Some(true) => {
            let own = if faults.is_empty() { SiteHealth::Collected } else { SiteHealth::Warning };
            worst.unwrap_or(own).min(own)
        }
    }
}

/// What is wrong with the site as a whole.
fn faults(report: &SiteReport, up: Option<bool>, now: Timestamp) -> Vec<FaultPicture> {
    let mut faults: Vec<_> = report.fault.as_deref().map(collector::fault).into_iter().collect();
    let mut say = |what: String, cure: &str| faults.push(FaultPicture { what, cure: cure.to_owned() });
    if report.key_accepted == Some(false) {
        let old = if up == Some(true) { "; the one before it is still in use" } else { "" };
        say(format!("NetBackup refuses the API key{old}"), NEW_KEY);
    } else if let Some(ends) = ending(report.key_end, now) {
        say(format!("the API key {ends}"), NEXT_KEY);
    }
    if let Some(ends) = ending(report.certificate_end, now) {
        say(
            format!("the server's certificate {ends}"),
            "renew it on the primary server (nbcertcmd), or see why it does not by itself",
        );
    }
    if let Some(until) = report.quiet_until.filter(|until| *until > now) {
        let wait = in_words(seconds_between(now, until).ceil());
        say(
            format!("the server asked for quiet: nothing is sent to it for {wait}"),
            "wait, and see who else sends requests to this server",
        );
    }
    faults
}

fn ending(end: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let left = seconds_between(now, end?);
    let date = end?.strftime("%Y-%m-%d");
    (left < WARN_DAYS * 86_400.0).then(|| match left {
        ..0.0 => format!("ended on {date}"),
        _ => format!("ends in {} ({date})", in_words(left)),
    })
}

//! The primary server itself: its release, whether it is frozen, and the clients that are paused.

use futures_util::FutureExt as _;

use super::contract::{CollectError, Context, Diagnostics};
use super::resource::{Resource, Trial, V10_0};
use super::server_info::{self, ServerInfo};
use super::spec::CollectorSpec;
use super::walk::{fold_page, stateless};
use crate::config::CollectorId;
use crate::metric::{Family, Labelled, flag};
use crate::netbackup::{Listing, Text};

static INFO_RESOURCE: Resource =
    Resource::new(server_info::PATH, V10_0, &[&INFO, &FREEZE_MODE]).without_key().tried(Trial::Whole);
static PAUSED: Resource = Resource::new("/config/paused-clients", V10_0, &[&PAUSED_CLIENTS])
    .viewed_by("|MANAGE|HOSTS|HOST-PROPERTIES|");

/// What the primary server tells of itself, and how many clients it backs up no more for a while ("NetBackup API reference,
/// /security/serverinfo, /config/paused-clients").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Server,
    main: &INFO_RESOURCE,
    others: &[&PAUSED],
    requests: 60,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

static INFO: Labelled<2> = Labelled::gauge(
    "nbu_server_info",
    "What the primary server is, as labels (serverName, nbuVersion); always 1.",
    ["server", "release"],
);
static FREEZE_MODE: Labelled<0> = Labelled::gauge(
    "nbu_server_freeze_mode",
    "Whether the primary server is in freeze mode (freezeModeEnabled, 1) or not (0); NetBackup 11.2 and later say it.",
    [],
);
static PAUSED_CLIENTS: Labelled<1> = Labelled::gauge(
    "nbu_paused_clients",
    "Clients whose backups are paused, by who paused them: AUTOMATIC by NetBackup itself, MANUAL by somebody (triggerMethod).",
    ["trigger"],
);

/// The words of `triggerMethod`; anything else is UNKNOWN.
const TRIGGERS: [&str; 3] = ["AUTOMATIC", "MANUAL", "UNKNOWN"];

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    let info = context.server_info(&mut diagnostics.malformed).await?;
    diagnostics.records += 1;
    let paused = async { count_paused(context, diagnostics).await };
    let paused = context.optional(&PAUSED, paused).await?;
    Ok(render(context.site, &info, paused))
}

/// How many clients are paused, by trigger. The list has no `meta`: its last page is the short one.
async fn count_paused(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<[u64; 3], CollectError> {
    #[derive(serde::Deserialize)]
    struct PausedRecord<'a> {
        #[serde(borrow, default)]
        attributes: Option<PausedAttributes<'a>>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct PausedAttributes<'a> {
        #[serde(borrow, default)]
        trigger_method: Text<'a>,
    }

    // The most that the reference allows is 100 records a page.
    let listing = Listing::by_offset(PAUSED.path, 100, 50).with("sort", "clientUniqueIdentifier");
    let mut counts = [0; 3];
    let fold = |text: &str, diagnostics: &mut Diagnostics| {
        fold_page(text, diagnostics, |record: PausedRecord<'_>, malformed| {
            let trigger = record.attributes?.trigger_method.take(malformed);
            let [automatic, manual, unknown] = &mut counts;
            *match trigger.as_deref() {
                Some("AUTOMATIC") => automatic,
                Some("MANUAL") => manual,
                _ => unknown,
            } += 1;
            Some(())
        })
    };
    context.walk(&listing, diagnostics, fold).await?;
    Ok(counts)
}

fn render(site: &str, info: &ServerInfo, paused: Option<[u64; 3]>) -> Vec<Family> {
    let labels = [&info.name, &info.release].map(|text| text.as_deref().unwrap_or_default());
    let is_known = labels.iter().any(|text| !text.is_empty());
    // Nobody looks for a word that the reference does not have.
    let is_shown = |trigger: &str, count: u64| trigger != "UNKNOWN" || count > 0;
    let paused = paused.into_iter().flat_map(|counts| TRIGGERS.into_iter().zip(counts));
    vec![
        INFO.family(site, is_known.then_some((labels, 1.0))),
        FREEZE_MODE.family(site, info.is_frozen.map(|is_frozen| ([], flag(is_frozen)))),
        PAUSED_CLIENTS.family(
            site,
            paused
                .filter(|(trigger, count)| is_shown(trigger, *count))
                .map(|(trigger, count)| ([trigger], count as f64)),
        ),
    ]
}

#[cfg(test)]
mod tests;

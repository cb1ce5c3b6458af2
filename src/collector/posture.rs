//! How well the domain is set up against attacks: the risk score, and the tickets of multi-person approval.

use futures_util::FutureExt as _;

use super::contract::{CollectError, Context, Diagnostics};
use super::resource::{Resource, Trial, V10_0, V12_0};
use super::spec::CollectorSpec;
use super::walk::stateless;
use crate::config::CollectorId;
use crate::metric::{Family, Labelled};
use crate::netbackup::{Field, Get, Listing, object};

static TICKETS: Resource =
    Resource::new("/security/mpa-tickets", V10_0, &[&STATES_OF_TICKETS]).viewed_by("|SECURITY|MPA|TICKETS|");
static STATUS: Resource = Resource::new("/security/status", V12_0, &[&RISK_SCORE])
    .viewed_by("|SECURITY|SETTINGS|")
    .tried(Trial::Whole);

/// The risk score and the tickets of multi-person approval ("NetBackup API reference, /security/status, /security/mpa-tickets").
pub(super) static SPEC: CollectorSpec = CollectorSpec {
    id: CollectorId::Posture,
    main: &TICKETS,
    others: &[&STATUS],
    requests: 30,
    awaits_facts: false,
    new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed()),
};

static RISK_SCORE: Labelled<0> = Labelled::gauge(
    "nbu_security_risk_score",
    "The risk score of the security settings, from 0 to 100 (platformRiskScore); NetBackup 10.5 and later have it.",
    [],
);
static STATES_OF_TICKETS: Labelled<1> = Labelled::gauge(
    "nbu_mpa_tickets",
    "Tickets of multi-person approval by state (currentState); who approves none sees only its own.",
    ["state"],
);

/// The words of `currentState`.
const STATES: [&str; 7] = ["PENDING", "APPROVED", "REJECTED", "EXPIRED", "CANCELED", "SCHEDULED", "DONE"];

async fn collect(context: &Context<'_>, diagnostics: &mut Diagnostics) -> Result<Vec<Family>, CollectError> {
    let mut tickets = STATES_OF_TICKETS.of_site(context.site);
    for state in STATES {
        let listing =
            Listing::by_offset(TICKETS.path, 1, 1).with("filter", format!("currentState eq '{state}'"));
        if let Some(count) = context.client.count(&listing, context.deadline).await? {
            diagnostics.records += count;
            tickets.sample([state], count as f64);
        }
    }
    let score = async { risk_score(context, diagnostics).await };
    let score = context.optional(&STATUS, score).await?.flatten();
    Ok(vec![RISK_SCORE.family(context.site, score.map(|score| ([], score))), tickets.build()])
}

async fn risk_score(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Option<f64>, CollectError> {
    #[derive(serde::Deserialize)]
    struct StatusAnswer {
        data: StatusData,
    }
    #[derive(serde::Deserialize)]
    struct StatusData {
        attributes: StatusAttributes,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct StatusAttributes {
        #[serde(default)]
        platform_risk_score: Field<f64>,
    }

    let read = |text: &str| {
        let score = object::<StatusAnswer>(text)?.data.attributes.platform_risk_score;
        Ok(score.take(&mut diagnostics.malformed))
    };
    Ok(context.client.get_with(&Get::new(STATUS.path), context.deadline, read).await?)
}

#[cfg(test)]
mod tests;

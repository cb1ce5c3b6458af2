//! What the exporter that runs knows of its admission webhook, and nobody else can: whether the API server asks it.

use jiff::Timestamp;

use crate::cli::access::AccessArgs;
use crate::cli::{AddressArgs, status};
use crate::doctor::Finding;
use crate::status::{StatusPicture, WebhookPicture, in_words};

/// Whoever renews a certificate does it earlier: a third of its time before the end.
const SOON_DAYS: i64 = 7;

/// What the exporter that runs there says; none where it has no webhook.
pub(super) async fn examine(address: &str) -> Option<Finding> {
    let args = AddressArgs { address: address.to_owned(), access: AccessArgs::default() };
    match status::picture(&args).await {
        Ok(status) => status.webhook.as_ref().map(|webhook| judge(webhook, &status)),
        Err(why) => {
            let cure = "name the exporter by --address, or leave it out where none runs";
            Some(Finding::warned(format!("not known: {why}"), cure))
        }
    }
}

/// Times are those of the exporter's clock.
fn judge(webhook: &WebhookPicture, status: &StatusPicture) -> Finding {
    let WebhookPicture { last_asked_at, certificate_ends_at, trouble } = webhook;
    let words = |from: Timestamp, until: Timestamp| in_words(until.duration_since(from).as_secs_f64());
    let asked = match last_asked_at {
        Some(asked) => format!("the API server asked {} ago", words(*asked, status.at)),
        None => format!(
            "the API server never asked since this exporter started {} ago",
            words(status.started_at, status.at)
        ),
    };
    let said = match certificate_ends_at {
        None => format!("{asked}; there is no certificate yet"),
        Some(end) if *end <= status.at => {
            format!("{asked}; the certificate ended {} ago", words(*end, status.at))
        }
        Some(end) => format!("{asked}; the certificate ends in {}", words(status.at, *end)),
    };
    let is_soon = |end: &Timestamp| end.duration_since(status.at).as_hours() < SOON_DAYS * 24;
    if let Some(trouble) = trouble {
        Finding::warned(
            format!("{said}; it can not be kept: {trouble}"),
            "edits are not judged once it has ended",
        )
    } else if certificate_ends_at.is_none_or(|end| is_soon(&end)) {
        let cure =
            "look at whoever makes it (admissionWebhook.certificate.mode): edits are not judged without it";
        Finding::warned(said, cure)
    } else if last_asked_at.is_none() {
        let cure = "try it: a bad edit by kubectl with --dry-run=server must be refused. If it is not: does the \
                    ValidatingWebhookConfiguration have a caBundle, and the Service an endpoint at the webhook's port? \
                    Of several pods it asks any";
        Finding::warned(said, cure)
    } else {
        Finding::passed(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckStatus;

    const NOW: i64 = 1_800_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(NOW + seconds).unwrap()
    }

    #[track_caller]
    fn check(asked: Option<i64>, ends: Option<i64>, trouble: Option<&str>, is_well: bool, said: &str) {
        let webhook = WebhookPicture {
            last_asked_at: asked.map(at),
            certificate_ends_at: ends.map(at),
            trouble: trouble.map(str::to_owned),
        };
        let status = StatusPicture {
            at: at(0),
            wrong: false,
            version: String::new(),
            commit: String::new(),
            started_at: at(-7200),
            ending: false,
            configuration: crate::status::ConfigurationPicture::default(),
            fleet: None,
            webhook: Some(webhook.clone()),
            sites: Vec::new(),
        };
        let finding = judge(&webhook, &status);
        assert_eq!(finding.finding, said);
        assert_eq!((finding.status == CheckStatus::Passed, finding.cure.is_none()), (is_well, is_well));
    }

    #[test]
    fn it_is_well_only_where_the_api_server_has_asked_and_the_certificate_lasts() {
        const DAY: i64 = 86_400;
        let asked = "the API server asked 3 min ago";
        let never = "the API server never asked since this exporter started 2 h ago";
        check(Some(-180), Some(59 * DAY), None, true, &format!("{asked}; the certificate ends in 59 d"));
        check(Some(-180), Some(6 * DAY), None, false, &format!("{asked}; the certificate ends in 6 d"));
        check(Some(-180), Some(-DAY), None, false, &format!("{asked}; the certificate ended 24 h ago"));
        check(Some(-180), None, None, false, &format!("{asked}; there is no certificate yet"));
        check(None, Some(59 * DAY), None, false, &format!("{never}; the certificate ends in 59 d"));
        let trouble = "secret ns/pair: the API server forbids to get it (403)";
        let said = format!("{asked}; the certificate ends in 59 d; it can not be kept: {trouble}");
        check(Some(-180), Some(59 * DAY), Some(trouble), false, &said);
    }
}

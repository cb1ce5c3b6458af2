//! The families of alerts.

use crate::collector::arrivals::{Arrivals, with_zeros};
use crate::metric::{Desc, Family, Labelled, MetricKind};

static CREATED: Labelled<2> = Labelled::native(
    MetricKind::Counter,
    "nbu_alerts_created_total",
    "Alerts that were created since the exporter read them first, by severity and by what they are about (severity, context).",
    ["severity", "context"],
);
static WINDOW: Labelled<2> = Labelled::gauge(
    "nbu_alerts_window_alerts",
    "Alerts of the last 24 hours by severity and by what they are about (severity, context).",
    ["severity", "context"],
);
static V4_COUNT: Labelled<2> = Labelled::v4_gauge(
    "nbu_alerts_count",
    "Alerts of the last 24 hours by severity and category (severity, category).",
    ["severity", "category"],
);

/// Everything that [`render`] gives, in its order.
pub(super) static FAMILIES: &[&Desc] = &[&CREATED, &WINDOW, &V4_COUNT];

const SEVERITIES: &[&str] = &["ERROR", "WARNING", "INFO"];
const CONTEXTS: &[&str] =
    &["CREDENTIAL", "GENERAL", "JOB_STATE_FAILED", "JOB_STATE_SUSPEND", "JOB_TYPE_BACKUP"];
const CATEGORIES: &[&str] = &["JOB"];

/// The families of a site's alerts. While a part of them was not read, nothing is said to be 0.
pub(super) fn render(site: &str, arrivals: &Arrivals<3>, is_whole: bool) -> Vec<Family> {
    let severities = if is_whole { SEVERITIES } else { &[] };
    let created = arrivals.new_by(|[severity, context, _]| [severity.clone(), context.clone()]);
    let recent = arrivals.known_by(|[severity, context, _]| [severity.clone(), context.clone()]);
    let by_category = arrivals.known_by(|[severity, _, category]| [severity.clone(), category.clone()]);
    vec![
        CREATED.family(site, with_zeros(&created, SEVERITIES, CONTEXTS)),
        WINDOW.family(site, with_zeros(&recent, severities, CONTEXTS)),
        V4_COUNT.family(site, with_zeros(&by_category, severities, CATEGORIES)),
    ]
}

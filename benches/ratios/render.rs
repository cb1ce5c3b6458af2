//! Rendering and putting together a metrics page, against the prometheus crate's encoder.

use nbu_exporter::{
    BuildInfo, Fragment, Labelled, MetricKind, MetricsPage, Naming, Registry, SiteReport, Snapshot,
    TextFormat,
};
use prometheus::{Encoder as _, GaugeVec, Opts, TextEncoder};

use crate::statistics::in_turn;
use crate::table::{Goal, Row};
use crate::usage::cpu_per_call;

const FAMILIES: usize = 10;
const SERIES: usize = 500;
const LABELS: [&str; 3] = ["job_type", "policy_type", "status"];

static DESCS: [Labelled<3>; FAMILIES] = [
    desc("nbu_jobs_0"),
    desc("nbu_jobs_1"),
    desc("nbu_jobs_2"),
    desc("nbu_jobs_3"),
    desc("nbu_jobs_4"),
    desc("nbu_jobs_5"),
    desc("nbu_jobs_6"),
    desc("nbu_jobs_7"),
    desc("nbu_jobs_8"),
    desc("nbu_jobs_9"),
];

const fn desc(name: &'static str) -> Labelled<3> {
    Labelled {
        name,
        help: "Jobs in the window.",
        kind: MetricKind::Gauge,
        labels: LABELS,
        naming: Naming::Native,
    }
}

/// 5 000 series from numbers to a page, against the prometheus crate's encoder and against copying the page.
pub fn measure() -> Vec<Row> {
    let labels: Vec<[String; 3]> = (0..SERIES)
        .map(|number| [format!("TYPE_{}", number % 7), format!("POLICY_{}", number % 19), number.to_string()])
        .collect();
    let ours = || {
        let families = DESCS.iter().map(|desc| {
            let mut family = desc.of_site("paris");
            for (number, [job_type, policy_type, status]) in labels.iter().enumerate() {
                family.sample([job_type, policy_type, status], number as f64 * 1024.5);
            }
            family.build()
        });
        MetricsPage::assemble([snapshot(Fragment::of_run(families.collect())).into()])
            .chunks(TextFormat::Prometheus)
            .collect::<Vec<_>>()
    };
    let registry = prometheus::Registry::new();
    for desc in &DESCS {
        let names = ["site", LABELS[0], LABELS[1], LABELS[2]];
        let gauges = GaugeVec::new(Opts::new(desc.name, desc.help), &names).unwrap();
        for (number, [job_type, policy_type, status]) in labels.iter().enumerate() {
            gauges.with_label_values(&["paris", job_type, policy_type, status]).set(number as f64 * 1024.5);
        }
        registry.register(Box::new(gauges)).unwrap();
    }
    let crates = || {
        let mut text = Vec::new();
        TextEncoder::new().encode(&registry.gather(), &mut text).unwrap();
        text
    };
    let page = ours().concat();
    assert_eq!(page.len(), crates().len());
    let with_crate = in_turn(9, || cpu_per_call(ours), || cpu_per_call(crates));
    let with_copy = in_turn(9, || cpu_per_call(ours), || cpu_per_call(|| page.clone()));
    let registry = Registry::new(&BuildInfo::current()).unwrap();
    let own = cpu_per_call(|| registry.render(TextFormat::Prometheus));
    vec![
        Row::new("rendering the metrics of the process itself, CPU", own * 1e6, "µs", None)
            .note("shared by the scrapes of 10 ms"),
        Row::new(
            "rendering 5 000 series, CPU, to the prometheus crate",
            with_crate.ratio,
            "×",
            Goal::Most(1.0),
        )
        .note(format!(
            "{} kB; {:.2} ms to {:.2} ms",
            page.len() / 1000,
            with_crate.ours * 1e3,
            with_crate.theirs * 1e3
        )),
        Row::new("the same to copying the page's bytes", with_copy.ratio, "×", None)
            .note("done once for each snapshot, not at scrapes"),
    ]
}

fn snapshot(fragments: Vec<Fragment>) -> Snapshot {
    Snapshot {
        site: "paris".into(),
        taken_at: jiff::Timestamp::UNIX_EPOCH,
        up: Some(true),
        complete: true,
        unauthorized: Vec::new(),
        fragments,
        report: SiteReport::default(),
    }
}

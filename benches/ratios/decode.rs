//! Decoding a page of jobs, against the simplest types that hold its fields.

use std::borrow::Cow;

use nbu_exporter::decode_jobs_page;
use serde::Deserialize;

use crate::bare;
use crate::process::Simulator;
use crate::statistics::in_turn;
use crate::table::{Goal, Row};
use crate::usage::cpu_per_call;

/// The fields that the collector of jobs needs, in the simplest types that hold them.
#[derive(Deserialize)]
#[allow(dead_code, reason = "decoding is what is measured")]
pub struct PlainPage<'a> {
    #[serde(borrow)]
    pub data: Vec<PlainJob<'a>>,
    #[serde(borrow)]
    pub meta: PlainMeta<'a>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "decoding is what is measured")]
pub struct PlainJob<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    attributes: PlainAttributes<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "decoding is what is measured")]
struct PlainAttributes<'a> {
    job_id: u64,
    #[serde(borrow)]
    job_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    policy_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    schedule_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    state: Option<Cow<'a, str>>,
    status: Option<i64>,
    kilobytes_transferred: Option<u64>,
    number_of_files: Option<u64>,
    dedup_ratio: Option<f64>,
    #[serde(borrow)]
    start_time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    end_time: Option<Cow<'a, str>>,
    job_queue_reason: Option<i64>,
    #[serde(borrow)]
    job_queue_resource: Option<Cow<'a, str>>,
    #[serde(borrow)]
    policy_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    client_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    job_path: Option<Cow<'a, str>>,
    parent_job_id: Option<u64>,
    child_count: Option<u64>,
    transfer_rate: Option<u64>,
}

#[derive(Deserialize)]
pub struct PlainMeta<'a> {
    #[serde(borrow)]
    pub pagination: PlainPagination<'a>,
}

#[derive(Deserialize)]
pub struct PlainPagination<'a> {
    #[serde(borrow)]
    pub next: Option<Cow<'a, str>>,
}

/// A page of 100 jobs, ours against plain `serde_json`.
pub fn measure() -> Vec<Row> {
    let simulator = Simulator::start(1, &["--jobs-per-day", "100000"]);
    let page = bare::first_page(simulator.address());
    drop(simulator);
    assert_eq!(serde_json::from_str::<PlainPage<'_>>(&page).unwrap().data.len(), 100);
    let pair = in_turn(
        15,
        || cpu_per_call(|| decode_jobs_page(&page).unwrap()),
        || cpu_per_call(|| serde_json::from_str::<PlainPage<'_>>(&page).unwrap().data.len()),
    );
    let note = format!("{} kB; {:.0} µs to {:.0} µs", page.len() / 1000, pair.ours * 1e6, pair.theirs * 1e6);
    vec![
        Row::new("decoding a page of 100 jobs, CPU, to plain serde_json", pair.ratio, "×", Goal::Most(1.3))
            .note(note),
    ]
}

//! `cargo bench --bench ratios [-- WORD...]`: what the exporter costs, as ratios to the bare minimum.
//!
//! Each pair is measured in one run, in turn (A B A B …), and the median of the ratios is shown, so that a figure
//! holds on a busy machine. `docs/performance.md` says what each row means.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that can not measure has to stop"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table is the program's output")]
#![allow(unreachable_pub, reason = "the modules of a benchmark share by `pub`")]

mod bare;
mod big_site;
mod client;
mod decode;
mod decoding;
mod fold;
mod idle;
mod many_sites;
mod process;
mod recorder;
mod reload;
mod render;
mod scrape;
mod statistics;
mod table;
mod usage;
mod volume;

use table::Row;

/// A word that chooses a measure, and the measure.
type Measure = (&'static str, fn() -> Vec<Row>);

const MEASURES: &[Measure] = &[
    ("decode", decode::measure),
    ("fold", fold::measure),
    ("render", render::measure),
    ("scrape", scrape::measure),
    ("reload", reload::measure),
    ("idle", idle::measure),
    ("sites", many_sites::measure),
    ("big", big_site::measure),
];

fn main() {
    if bare::run_as_asked() {
        return;
    }
    // Cargo adds flags of its own.
    let words: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut rows = Vec::new();
    for (name, measure) in MEASURES {
        if words.is_empty() || words.iter().any(|word| word == name) {
            eprintln!("measuring {name}");
            let measured = measure();
            for row in &measured {
                eprintln!("  {}", row.line());
            }
            rows.extend(measured);
        }
    }
    table::print(&rows);
}

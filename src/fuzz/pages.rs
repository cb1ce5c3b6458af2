//! What a server answers, up to the lines that Prometheus reads.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::collector::{Absences, Board, CollectorSpec, Context, build};
use crate::config::{Config, Material, Strictness, load, schema};
use crate::metric::{Family, samples};
use crate::netbackup::{self, CannedAnswer, CannedAnswers, Client, RequestBudget};

/// Stands between two answers of one input. An answer may begin with `!` and its status on a line of its own.
const BETWEEN: &[u8] = b"\n%%\n";
/// When the answers of the corpora were given.
const NOW: &str = "2026-11-30T12:00:00Z";

/// Kept by each thread, for speed.
struct World {
    runtime: Runtime,
    config: Config,
    answers: CannedAnswers,
    client: Client,
}

thread_local! {
    static WORLD: Option<World> = World::new();
}

impl World {
    fn new() -> Option<Self> {
        let config = config("https", 1556)?;
        let answers = CannedAnswers::new();
        let client = Client::canned(config.sites.first()?, answers.clone()).ok()?;
        let runtime = Builder::new_current_thread().enable_time().build().ok()?;
        Some(Self { runtime, config, answers, client })
    }
}

/// With all that can be collected, of a server on this machine.
fn config(scheme: &str, port: u16) -> Option<Config> {
    let mut collectors = schema().pointer_mut("/properties/collectors/properties")?.take();
    for (key, options) in collectors.as_object_mut()? {
        *options = match key.as_str() {
            "perClient" => json!({ "enabled": true, "export": "all", "allowlist": ["*"] }),
            "tape" => json!({ "enabled": true, "media": "all" }),
            _ => json!({ "enabled": true }),
        };
    }
    let site = json!({ "scheme": scheme, "host": "localhost", "port": port, "apiKey": "simulated-key", "apiVersion": "14.0" });
    // JSON is YAML.
    let text = json!({ "nbuserver": site, "collectors": collectors }).to_string();
    let material = Material { text: text.into_bytes(), ..Material::default() };
    let loaded = load(Path::new("config.yaml"), &material, Strictness::Full);
    assert!(loaded.is_ok(), "{}", loaded.err().map(|report| report.to_string()).unwrap_or_default());
    Some(loaded.ok()?.config)
}

/// The answers to all that a collector asks in two runs.
pub(super) fn answers(spec: &'static CollectorSpec, bytes: &[u8]) {
    WORLD.with(|world| {
        assert!(world.is_some(), "there is no client");
        let Some(world) = world else { return };
        world.answers.set(split(bytes).map(answer));
        world.runtime.block_on(two_runs(&world.client, &world.config, spec));
    });
}

/// The header's value.
pub(super) fn retry_after(bytes: &[u8]) {
    let (Ok(text), Ok(now)) = (std::str::from_utf8(bytes), NOW.parse()) else { return };
    let wait = netbackup::retry_after(text, now);
    let digits = text.trim().bytes().all(|byte| byte.is_ascii_digit());
    assert!(wait.is_some() || !digits || text.trim().is_empty(), "{text:?} is a number of seconds");
}

fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let at = bytes.windows(BETWEEN.len()).position(|window| window == BETWEEN);
        let (first, others) = match at.and_then(|at| bytes.split_at_checked(at)) {
            Some((first, others)) => (first, others.get(BETWEEN.len()..)),
            None => (bytes, None),
        };
        rest = others;
        Some(first)
    })
}

fn answer(bytes: &[u8]) -> CannedAnswer {
    let status = bytes.strip_prefix(b"!").and_then(|rest| {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (status, body) = rest.split_at_checked(end)?;
        Some((std::str::from_utf8(status).ok()?.parse().ok()?, body.to_vec()))
    });
    status.unwrap_or_else(|| (200, bytes.to_vec()))
}

async fn two_runs(client: &Client, config: &Config, spec: &'static CollectorSpec) {
    let (board, absences) = (Board::default(), Absences::default());
    let mut runner = build(spec, &config.collectors);
    let Ok(now) = NOW.parse::<Timestamp>() else { return };
    for hour in 0..2 {
        let context = Context {
            client,
            site: "paris",
            collectors: &config.collectors,
            board: &board,
            absences: &absences,
            is_probe_refused: false,
            window: config.collection.window,
            deadline: Instant::now() + Duration::from_mins(1),
            now: now + Duration::from_hours(hour),
        };
        let budget = RequestBudget::new(spec.requests);
        let families = budget.scope(async {
            let run = runner.run(context).await;
            let rest = if run.outcome.is_ok() && runner.has_rest(context) {
                runner.run_rest(context).await.families
            } else {
                Vec::new()
            };
            [run.families, rest]
        });
        families.await.iter().flatten().for_each(is_readable);
    }
}

/// Each line of a family is a sample that can be read back, of a name that the family has.
fn is_readable(family: &Family) {
    let (text, name) = (family.text(), family.desc().name);
    let lines = text.lines().count();
    assert!(text.is_empty() || text.ends_with('\n'), "{name}: the last line has no end");
    assert_eq!(samples(text).count(), lines, "a line can not be read back:\n{text}");
    assert!(text.lines().all(|line| line.starts_with(name)), "a line is not of {name}:\n{text}");
    assert!(lines >= family.series(), "{name}: {lines} lines\n{text}");
}

#[cfg(test)]
pub(super) mod recording {
    //! What the simulator answers to a collector.

    use nbu_exporter_simulator::{ApiVersion, Clock, Options, Scenario, Simulation, SiteOptions};

    use serde_json::Value;

    use super::*;
    use crate::collector::COLLECTORS;

    /// A short input is changed where it matters more often.
    const MOST_ANSWERS: usize = 12;
    const MOST_ELEMENTS: usize = 3;

    /// The answers to two runs of each collector, as one input each.
    pub(in crate::fuzz) async fn inputs() -> Vec<(&'static str, Vec<u8>)> {
        let now: Timestamp = NOW.parse().unwrap();
        let site = SiteOptions { scenario: Scenario::BadNight, ..SiteOptions::named("paris") };
        let options = Options {
            sites: vec![site],
            clock: Clock::manual(now.as_millisecond()),
            jobs_per_day: 400,
            policies: Some(4),
            job_retention: Duration::from_hours(24),
            storage_units: 4,
            api_version: ApiVersion::new(14, 0),
            ..Options::default()
        };
        let simulation = Simulation::start(options).await.unwrap();
        let config = config("http", simulation.sites()[0].address().port()).unwrap();
        let mut inputs = Vec::new();
        for spec in COLLECTORS {
            let answers = CannedAnswers::recorder();
            let client = Client::canned(&config.sites[0], answers.clone()).unwrap();
            two_runs(&client, &config, spec).await;
            let answers =
                answers.recorded().into_iter().take(MOST_ANSWERS).map(|(status, body)| match status {
                    200 => shortened(body),
                    status => [format!("!{status}\n").into_bytes(), body].concat(),
                });
            inputs.push((spec.id.name(), answers.collect::<Vec<_>>().join(BETWEEN)));
        }
        inputs
    }

    fn shortened(body: Vec<u8>) -> Vec<u8> {
        let Ok(mut value) = serde_json::from_slice(&body) else { return body };
        shorten(&mut value);
        value.to_string().into_bytes()
    }

    fn shorten(value: &mut Value) {
        match value {
            Value::Array(elements) => {
                elements.truncate(MOST_ELEMENTS);
                elements.iter_mut().for_each(shorten);
            }
            Value::Object(members) => members.values_mut().for_each(shorten),
            _ => {}
        }
    }
}

//! Two processes that share the sites of one ConfigMap: who tells what came of an edit, and what their pages say of each other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::harness::{ApiServer, Exporter, Sites, Volume, config, eventually};

const PODS: [&str; 2] = ["pod-a", "pod-b"];
const SITES: usize = 4;

struct Rig {
    _sites: Sites,
    names: Vec<String>,
    volume: Volume,
    api: ApiServer,
    text: String,
}

impl Rig {
    fn new() -> Self {
        let sites = Sites::start(SITES);
        let names: Vec<_> = (0..SITES).map(|number| format!("site-{number}")).collect();
        let ports: Vec<_> =
            names.iter().enumerate().map(|(number, name)| (name.as_str(), sites.port(number))).collect();
        let text = config(&ports);
        let volume = Volume::new(&[("config.yaml", &text)]);
        let api = ApiServer::start("1200", &text);
        Self { _sites: sites, names, volume, api, text }
    }

    fn start(&self, pod: &str) -> Exporter {
        let mut command = Exporter::command(&self.volume.path("config.yaml"));
        self.api
            .announced_to(&mut command)
            .arg("--fleet.group=fleet")
            .env("POD_NAME", pod)
            .env("POD_UID", pod);
        Exporter::spawn(command)
    }

    /// Two members, each of which knows the other and has its part.
    fn start_both(&self) -> [Exporter; 2] {
        let both = PODS.map(|pod| self.start(pod));
        eventually("both are members", || both.iter().all(|exporter| has_its_part_of(exporter, 2)));
        eventually("both watch the ConfigMap", || self.api.watches() >= 2);
        both
    }

    /// Another configuration in this revision; all of them run it.
    #[track_caller]
    fn edit(&self, revision: &str, exporters: &[&Exporter]) {
        let text = format!("{}# {revision}\n", self.text);
        self.api.edit(revision, &text);
        for exporter in exporters {
            exporter.until_runs(&text);
        }
        eventually("it is told of the ConfigMap and of a pod", || self.told(revision).len() >= 2);
    }

    /// The pods that told of this revision, as often as they did.
    fn told(&self, revision: &str) -> Vec<String> {
        let events = self.api.events();
        let is_of =
            |event: &&Value| event["note"].as_str().unwrap().contains(&format!("revision {revision}:"));
        events.iter().filter(is_of).map(teller).collect()
    }
}

fn teller(event: &Value) -> String {
    event["reportingInstance"].as_str().unwrap().to_owned()
}

fn has_its_part_of(exporter: &Exporter, members: usize) -> bool {
    exporter.sample("nbu_exporter_fleet_members") == Some(members as f64)
        && exporter.sample("nbu_exporter_fleet_member") == Some(1.0)
}

/// Whose each site is, as a process says.
fn owners(exporter: &Exporter) -> BTreeMap<String, BTreeSet<String>> {
    let status: Value = serde_json::from_str(&exporter.get("/api/v1/status").body()).unwrap();
    let members = status["fleet"]["members"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let sites = |member: &Value| member["sites"].as_array().unwrap().iter().map(text).collect();
    members.iter().map(|member| (text(&member["name"]), sites(member))).collect()
}

#[test]
fn one_member_of_a_fleet_tells_what_came_of_an_edit_and_another_once_that_one_has_ended() {
    let rig = Rig::new();
    let both = rig.start_both();
    let revisions = ["1201", "1202", "1203"];
    for revision in revisions {
        rig.edit(revision, &[&both[0], &both[1]]);
    }
    let tellers: BTreeSet<_> = revisions.iter().flat_map(|revision| rig.told(revision)).collect();
    assert_eq!(tellers.len(), 1, "{tellers:?}");

    let [a, b] = both;
    let (ends, stays, name) = if tellers.contains(PODS[0]) { (a, b, PODS[1]) } else { (b, a, PODS[0]) };
    ends.signal("TERM");
    assert_eq!(ends.wait(), Some(0));
    eventually("one is left", || has_its_part_of(&stays, 1));
    rig.edit("1204", &[&stays]);
    assert_eq!(rig.told("1204"), [name, name]);
    // What a process tells comes in order: had it told of an earlier one as well, that would be here.
    let events = rig.api.events();
    let others: Vec<_> =
        events.iter().filter(|event| teller(event) == name).map(|event| &event["note"]).collect();
    assert_eq!(others.len(), 2, "{others:#?}");
}

#[test]
fn the_pages_of_each_member_name_all_members_with_the_same_sites() {
    let rig = Rig::new();
    let both = rig.start_both();
    let is_up = |exporter: &Exporter, site: &String| exporter.is_up(site);
    eventually("each site is up somewhere", || {
        rig.names.iter().all(|site| both.iter().any(|exporter| is_up(exporter, site)))
    });
    let owners = both.each_ref().map(owners);
    assert_eq!(owners[0], owners[1]);
    assert_eq!(owners[0].keys().collect::<Vec<_>>(), PODS);
    assert_eq!(owners[0].values().map(BTreeSet::len).sum::<usize>(), SITES, "{owners:?}");
    for (pod, exporter) in PODS.iter().zip(&both) {
        let shown: BTreeSet<_> = rig.names.iter().filter(|site| is_up(exporter, site)).cloned().collect();
        assert_eq!(shown, owners[0][*pod], "{pod} shows what is its own");
        let page = exporter.get("/").body();
        assert!(
            page.contains("The fleet (2)") && page.contains(&format!("<strong>{pod}</strong> (this one)"))
        );
        assert!(PODS.iter().all(|other| page.contains(other)), "{page}");
    }
}

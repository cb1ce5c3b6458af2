//! Three processes that share six sites, and what happens to them; the simulator knows by the key who asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nbu_exporter_simulator::{Options, SiteOptions};

use super::control_plane::control_plane;
use super::release::Release;
use crate::harness::{Exporter, Sites, config, eventually};

const SITES: usize = 6;
const LEASE: Duration = Duration::from_secs(10);

struct Member {
    name: &'static str,
    exporter: Exporter,
}

fn key(member: &str) -> String {
    format!("key-of-{member}")
}

impl Member {
    fn start(release: &Release, name: &'static str) -> Self {
        Self { name, exporter: release.start_in_fleet(name, &key(name), "10s") }
    }

    /// How many sites it asks.
    fn sites(&self) -> usize {
        (0..SITES).filter(|number| self.exporter.sample(&up(*number)).is_some()).count()
    }

    fn sees(&self, members: usize) -> bool {
        self.exporter.sample("nbu_exporter_fleet_members") == Some(members as f64)
    }
}

fn up(number: usize) -> String {
    format!("nbu_up{{site=\"site-{number}\"}}")
}

/// Each site is up at one of them, and at no other.
#[track_caller]
fn settled(what: &str, members: &[&Member]) {
    eventually(what, || {
        let of = |number| members.iter().filter_map(move |member| member.exporter.sample(&up(number)));
        members.iter().all(|member| member.sees(members.len()))
            && (0..SITES).all(|number| of(number).collect::<Vec<_>>() == [1.0])
    });
}

/// Who asked each site since the logs were last read, with the longest pause and whether two asked in turns.
#[derive(Default)]
struct Account {
    pause: i64,
    moves: usize,
    turns: Vec<String>,
}

/// What the simulator saw since it was last asked; the logs are emptied but for each site's last request.
fn account(sites: &Sites, last: &mut BTreeMap<usize, (i64, String)>) -> Account {
    let mut account = Account::default();
    for number in 0..SITES {
        let log = sites.simulation().sites()[number].requests();
        let requests = log.matching("/");
        log.clear();
        let mut left: BTreeSet<String> = BTreeSet::new();
        for request in requests {
            // The API's version is asked for without one.
            let Some(key) = request.key_fingerprint else { continue };
            if let Some((at, before)) = last.get(&number) {
                account.pause = account.pause.max(request.time - at);
                if *before != key {
                    account.moves += 1;
                    left.insert(before.clone());
                    if left.remove(&key) {
                        account.turns.push(format!("site-{number}: {before} and {key}"));
                    }
                }
            }
            last.insert(number, (request.time, key));
        }
    }
    account
}

#[test]
fn three_processes_share_six_sites_through_death_drain_standstill_and_an_outage_and_each_is_asked_by_one() {
    let test = "three_processes_share_six_sites_through_death_drain_standstill_and_an_outage_and_each_is_asked_by_one";
    let Some(cluster) = control_plane(test) else { return };
    let members = ["a", "b", "c", "d"];
    let sites = Sites::with(Options {
        sites: (0..SITES).map(|number| SiteOptions::named(&format!("site-{number}"))).collect(),
        api_keys: members.iter().map(|name| key(name)).collect(),
        ..Options::default()
    });
    let in_service = cluster.in_service();
    let ports: Vec<_> = (0..SITES).map(|number| (format!("site-{number}"), sites.port(number))).collect();
    let ports: Vec<_> = ports.iter().map(|(name, port)| (name.as_str(), *port)).collect();
    let release =
        Release::with_config(cluster, "fleet", &config(&ports).replace("simulated-key", "${FLEET_KEY}"));
    release.grant_fleet();
    let mut last = BTreeMap::new();
    let mut tell = |what: &str, members: &[&Member], began: Instant| {
        let seen = account(&sites, &mut last);
        let shares: Vec<_> =
            members.iter().map(|member| format!("{} {}", member.name, member.sites())).collect();
        println!(
            "{what:34} settled after {:4.1} s, longest pause {:4.1} s, {:2} moves, sites: {}, by two in turns: {:?}",
            began.elapsed().as_secs_f64(),
            seen.pause as f64 / 1000.0,
            seen.moves,
            shares.join(", "),
            seen.turns
        );
        assert!(seen.turns.is_empty(), "{what}: {:?}", seen.turns);
    };

    let mut began = Instant::now();
    let [a, b, c] = ["a", "b", "c"].map(|name| Member::start(&release, name));
    settled("three share the sites", &[&a, &b, &c]);
    tell("three members", &[&a, &b, &c], began);
    assert_eq!(release.leases(), ["a", "b", "c"]);

    began = Instant::now();
    let d = Member::start(&release, "d");
    settled("a fourth one joins", &[&a, &b, &c, &d]);
    tell("a fourth one joins", &[&a, &b, &c, &d], began);

    began = Instant::now();
    d.exporter.signal("TERM");
    settled("it drains", &[&a, &b, &c]);
    tell("it drains (SIGTERM)", &[&a, &b, &c], began);
    assert_eq!(d.exporter.wait(), Some(0));
    assert_eq!(release.leases(), ["a", "b", "c"], "the drained one has removed its Lease");

    began = Instant::now();
    c.exporter.signal("STOP");
    settled("one stands still", &[&a, &b]);
    tell("one stands still (SIGSTOP)", &[&a, &b], began);
    began = Instant::now();
    c.exporter.signal("CONT");
    settled("it goes on", &[&a, &b, &c]);
    tell("it goes on (SIGCONT)", &[&a, &b, &c], began);

    // Everybody keeps what they have, for longer than a Lease lasts.
    drop(in_service);
    let owners = || [&a, &b, &c].map(Member::sites);
    let before = owners();
    began = Instant::now();
    let mut outage = cluster.begin_outage();
    let asked = || (0..SITES).map(|number| sites.simulation().sites()[number].requests().count());
    let (first, mut polled): (Vec<_>, _) = (asked().collect(), 0);
    eventually("the sites are asked on and on for more than two Leases", || {
        assert_eq!(owners(), before);
        polled = began.elapsed().as_secs();
        polled > 2 * LEASE.as_secs() + 2
    });
    assert!(asked().zip(first).all(|(now, then)| now > then + 10), "every site is asked on");
    outage.end();
    tell("the API server is away", &[&a, &b, &c], began);
    began = Instant::now();
    eventually("everybody has renewed its Lease since then", || {
        assert_eq!(owners(), before);
        [&a, &b, &c].iter().all(|member| {
            member.exporter.log().iter().any(|line| line.contains("Our Lease is renewed again"))
        })
    });
    tell("the API server is back", &[&a, &b, &c], began);
    drop(outage);

    let _in_service = cluster.in_service();
    began = Instant::now();
    drop(b);
    settled("one is killed", &[&a, &c]);
    tell("one is killed (SIGKILL)", &[&a, &c], began);
}

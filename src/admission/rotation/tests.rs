//! Renewals of one certificate by several replicas, on objects that others touch as well.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const LIFETIME: Duration = Duration::from_mins(50);
const HOST: &str = "nbu-exporter.monitoring.svc";

/// An object with its version.
struct Object<T> {
    value: T,
    version: u64,
}

impl<T> Object<T> {
    fn write(&mut self, value: T, version: u64) {
        if version == self.version {
            self.value = value;
            self.version += 1;
        }
    }
}

/// How far a replica is in its look.
enum Stage {
    Idle,
    Bundle(Vec<u8>, u64),
    Both(Vec<u8>, u64, Held, u64),
}

struct Replica {
    rotation: Rotation,
    stage: Stage,
    shown: Option<Kept>,
    /// By how many seconds its clock is ahead.
    skew: i64,
}

struct World {
    secret: Object<BTreeMap<String, Vec<u8>>>,
    bundle: Object<Vec<u8>>,
    replicas: Vec<Replica>,
    seconds: i64,
    began: Instant,
    /// Every certificate that was ever shown.
    seen: BTreeSet<Vec<u8>>,
}

impl World {
    fn new(skews: &[i64]) -> Self {
        let replica = |skew: &i64| Replica {
            rotation: Rotation::new(vec![HOST.to_owned()], LIFETIME),
            stage: Stage::Idle,
            shown: None,
            skew: *skew,
        };
        Self {
            secret: Object { value: BTreeMap::new(), version: 1 },
            bundle: Object { value: Vec::new(), version: 1 },
            replicas: skews.iter().map(replica).collect(),
            seconds: 2_000_000_000,
            began: Instant::now(),
            seen: BTreeSet::new(),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.seconds).unwrap()
    }

    /// One request of a replica.
    fn act(&mut self, number: usize) {
        let moment = self.began + Duration::from_secs(u64::try_from(self.seconds - 2_000_000_000).unwrap());
        let replica = &mut self.replicas[number];
        let now = Timestamp::from_second(self.seconds + replica.skew).unwrap();
        replica.stage = match std::mem::replace(&mut replica.stage, Stage::Idle) {
            Stage::Idle => Stage::Bundle(self.bundle.value.clone(), self.bundle.version),
            Stage::Bundle(bundle, version) => {
                let held = Held::of(self.secret.value.clone());
                if let Some(current) = held.current.clone().filter(|current| current.pair().is_some()) {
                    self.seen.insert(current.certificate.clone());
                    replica.shown = Some(current);
                }
                Stage::Both(bundle, version, held, self.secret.version)
            }
            Stage::Both(bundle, bundle_version, held, secret_version) => {
                match replica.rotation.step(&bundle, &held, now, moment).unwrap() {
                    Step::Rest => {}
                    Step::Trust(bundle) => self.bundle.write(bundle.into_bytes(), bundle_version),
                    Step::Keep(held) => {
                        let mut data = self.secret.value.clone();
                        for (key, bytes) in held.keys() {
                            match bytes {
                                Some(bytes) => data.insert(key.to_owned(), bytes.to_vec()),
                                None => data.remove(key),
                            };
                        }
                        self.secret.write(data, secret_version);
                    }
                }
                Stage::Idle
            }
        };
    }

    /// Looks of one replica until it has nothing more to do.
    fn look(&mut self) {
        for _ in 0..24 {
            self.act(0);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.seconds += i64::try_from(time.as_secs()).unwrap();
    }

    fn pause(&self) -> Duration {
        self.replicas[0].rotation.pause()
    }

    fn held(&self) -> Held {
        Held::of(self.secret.value.clone())
    }

    fn trusted(&self) -> Vec<CertificateDer<'static>> {
        authorities(&self.bundle.value)
    }

    /// Whether the API server takes what a replica shows.
    fn is_trusted(&self, shown: &Kept) -> bool {
        shown.pair().unwrap().is_trusted(&self.trusted(), &[HOST.to_owned()], self.now())
    }

    /// Whether the one replica shows what the Secret holds, and is trusted.
    #[track_caller]
    fn assert_well(&self) {
        let shown = self.replicas[0].shown.clone().unwrap();
        assert_eq!(Some(&shown), self.held().current.as_ref());
        assert!(self.is_trusted(&shown));
    }
}

#[test]
fn debug_shows_nothing_of_what_the_secret_holds() {
    let mut world = World::new(&[0]);
    world.look();
    let shown = format!("{:?}", world.held());
    assert!(!shown.contains("PRIVATE") && shown.len() < 60, "{shown}");
}

#[test]
fn an_empty_secret_is_filled_and_the_api_server_told() {
    let mut world = World::new(&[0]);
    world.look();
    world.assert_well();
    let (secret, bundle) = (world.secret.version, world.bundle.version);
    world.look();
    assert_eq!((world.secret.version, world.bundle.version), (secret, bundle), "nothing is written twice");
}

#[test]
fn what_comes_next_is_trusted_before_it_is_shown_and_what_was_before_until_it_ends() {
    let mut world = World::new(&[0]);
    world.look();
    let first = world.held().current.unwrap();
    world.pass(LIFETIME / 2);
    world.look();
    assert!(world.held().next.is_none(), "it is not due");
    world.pass(LIFETIME / 6);
    world.look();
    let next = world.held().next.unwrap();
    assert_eq!((world.held().current, world.trusted().len()), (Some(first.clone()), 2));
    world.pass(world.pause());
    world.look();
    assert_eq!(world.held().current, Some(first.clone()), "the API server may not know it yet");
    world.pass(world.pause());
    world.look();
    assert_eq!(world.held(), Held { current: Some(next), next: None });
    world.assert_well();
    assert!(world.is_trusted(&first), "a replica may show it still");
    world.pass(LIFETIME / 3);
    world.look();
    assert_eq!(world.trusted().len(), 1, "its time is over");
    world.assert_well();
}

#[test]
fn an_exporter_that_was_away_for_long_begins_anew_or_with_what_was_to_come() {
    let mut world = World::new(&[0]);
    world.look();
    world.pass(LIFETIME * 2);
    world.look();
    world.assert_well();
    world.pass(LIFETIME * 2 / 3);
    world.look();
    let next = world.held().next;
    world.pass(LIFETIME / 2);
    world.look();
    assert_eq!(world.held().current, next);
    world.assert_well();
}

#[test]
fn whatever_somebody_does_to_the_objects_is_mended_at_the_next_look() {
    let begins = Timestamp::from_second(2_000_000_000).unwrap();
    let other = issue(&["elsewhere.svc".to_owned()], begins, begins + LIFETIME).unwrap();
    for vandal in 0..9 {
        let mut world = World::new(&[0]);
        world.look();
        world.pass(LIFETIME * 2 / 3);
        world.look();
        assert!(world.held().next.is_some());
        let data = &mut world.secret.value;
        match vandal {
            0 => data.clear(),
            1 => drop(data.remove("tls.key")),
            2 => drop(data.insert("tls.crt".to_owned(), b"rubbish".to_vec())),
            3 => drop(data.insert("tls.key".to_owned(), other.key.as_bytes().to_vec())),
            4 => drop(data.insert("ca.crt".to_owned(), other.authority.as_bytes().to_vec())),
            5 => drop(data.insert("next-tls.crt".to_owned(), b"rubbish".to_vec())),
            6 => drop(data.remove("next-ca.crt")),
            7 => world.bundle.value.clear(),
            _ => world.bundle.value = b"rubbish".to_vec(),
        }
        world.secret.version += 1;
        world.bundle.version += 1;
        world.look();
        world.assert_well();
        for _ in 0..4 {
            world.pass(world.pause());
            world.look();
            world.assert_well();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// In each round every request of three replicas falls between any of the others', and a replica may be away.
    #[test]
    fn replicas_agree_and_nothing_is_shown_that_is_not_trusted(
        skews in prop::collection::vec(-100_i64..100, 3),
        rounds in prop::collection::vec(prop::collection::vec(0_usize..3, 12..24), 50),
    ) {
        let mut world = World::new(&skews);
        for acts in rounds {
            for number in acts {
                world.act(number);
                if world.trusted().is_empty() {
                    continue;
                }
                for shown in world.replicas.iter().filter_map(|replica| replica.shown.as_ref()) {
                    let pair = shown.pair().unwrap();
                    prop_assert!(pair.ends() <= world.now() || world.is_trusted(shown));
                }
            }
            world.pass(world.pause());
        }
        // 50 looks are 5000 s: two or three renewals.
        prop_assert!((2..=4).contains(&world.seen.len()), "{}", world.seen.len());
        prop_assert!(world.trusted().len() <= 3);
    }
}

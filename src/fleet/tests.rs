//! What a fleet promises, over interleavings of all that can happen to it.

mod world;

use std::time::Duration;

use proptest::prelude::*;

use super::assignment::Assignment;
use world::{Event, RHYTHM, SITES, STEP, World, site};

/// Whatever happened, after this every site is asked by one member: a Lease's duration and the time between two renewals, by a clock
/// that is 10 % slow, and the way of the requests.
const SETTLED: Duration = Duration::from_secs(25);

/// Clocks that are up to 10 % wrong.
fn join() -> impl Strategy<Value = Event> {
    (900_u32..=1100).prop_map(Event::Join)
}

fn disturbance() -> impl Strategy<Value = Event> {
    let member = || 0_usize..6;
    prop_oneof![
        3 => join(),
        2 => member().prop_map(Event::Kill),
        2 => member().prop_map(Event::Drain),
        2 => (member(), 1_u32..60).prop_map(|(member, seconds)| Event::Pause(member, seconds)),
        3 => (member(), 1_u32..60).prop_map(|(member, seconds)| Event::Cut(member, seconds)),
        1 => member().prop_map(Event::Delete),
        3 => (1_u32..60, any::<bool>()).prop_map(|(seconds, hangs)| Event::Outage(seconds, hangs)),
    ]
}

/// A fleet of three, and what happens to it, each after so many tenths of a second.
fn story(event: impl Strategy<Value = Event>) -> impl Strategy<Value = Vec<(u32, Event)>> {
    let first = prop::collection::vec((0_u32..20, join()), 3);
    let rest = prop::collection::vec((0_u32..400, event), 1..10);
    (first, rest).prop_map(|(first, rest)| first.into_iter().chain(rest).collect())
}

/// Tells the story, and has each step of it looked at with how long nothing has happened.
fn tell(
    seed: u64,
    story: &[(u32, Event)],
    mut look: impl FnMut(&World, Duration) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut world = World::new(seed);
    let mut quiet_since = Duration::ZERO;
    let end = (600, None);
    for (pause, event) in story.iter().map(|(pause, event)| (*pause, Some(*event))).chain([end]) {
        let until = world.now + Duration::from_millis(u64::from(pause) * 100);
        while world.now < until {
            world.step();
            if is_disturbed(&world) {
                quiet_since = world.now;
            }
            look(&world, world.now.saturating_sub(quiet_since))?;
        }
        if let Some(event) = event {
            world.happens(event);
            quiet_since = world.now;
        }
    }
    Ok(())
}

fn is_disturbed(world: &World) -> bool {
    let mut alive = world.members.iter().filter(|member| member.alive);
    world.is_away() || alive.any(|member| world.now < member.paused_until.max(member.cut_until))
}

/// Every site is asked by exactly one member.
fn one_asks(world: &World) -> Result<(), TestCaseError> {
    let expected = usize::from(world.members.iter().any(|member| member.alive));
    for number in 0..SITES {
        let askers = world.askers(number).count();
        prop_assert!(askers == expected, "site {} at {:?}: {} ask", number, world.now, askers);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 2, ..ProptestConfig::default() })]

    #[test]
    fn no_site_is_asked_by_two_members_whatever_happens_and_by_none_only_for_a_while(
        seed in any::<u64>(),
        story in story(disturbance()),
    ) {
        tell(seed, &story, |world, quiet| {
            for number in 0..SITES {
                let askers = world.askers(number).count();
                prop_assert!(askers < 2, "site {} at {:?}: {} ask", number, world.now, askers);
            }
            if quiet > SETTLED { one_asks(world) } else { Ok(()) }
        })?;
    }

    #[test]
    fn a_watch_that_brings_nothing_is_noticed_within_seconds_and_nothing_is_asked_by_two(
        seed in any::<u64>(),
        story in story(prop_oneof![join(), (0_usize..6).prop_map(Event::Stick), (0_usize..6).prop_map(Event::Drain)]),
    ) {
        // The next renewal is to come back, and does not; then the list, and whoever waits is told by another renewal. One thing takes
        // longer: a list that is begun while a member leaves only shows that its Lease is gone, which is no proof that it asks nothing.
        let relisted = RHYTHM.interval() + RHYTHM.echo() + RHYTHM.answer() * 2;
        let noticed = relisted.max(RHYTHM.lease + RHYTHM.answer());
        tell(seed, &story, |world, quiet| {
            for number in 0..SITES {
                prop_assert!(world.askers(number).count() < 2, "site {} at {:?}", number, world.now);
            }
            if quiet > noticed.mul_f64(1.2) { one_asks(world) } else { Ok(()) }
        })?;
    }

    #[test]
    fn while_the_api_server_is_away_nobody_loses_a_site_and_after_it_neither(
        seed in any::<u64>(),
        rates in prop::collection::vec(900_u32..=1100, 2..6),
        outages in prop::collection::vec((300_u32..900, 1_u32..180, any::<bool>()), 1..4),
    ) {
        let joins = rates.iter().map(|rate| (3, Event::Join(*rate)));
        let first = u32::try_from(SETTLED.as_secs() * 10).unwrap();
        let outages = outages.iter().enumerate().map(|(index, (pause, seconds, hangs))| {
            (if index == 0 { first } else { *pause }, Event::Outage(*seconds, *hangs))
        });
        let story: Vec<_> = joins.chain(outages).collect();
        let settled = SETTLED + Duration::from_secs(3);
        tell(seed, &story, |world, _| if world.now > settled { one_asks(world) } else { Ok(()) })?;
    }

    #[test]
    fn a_change_of_members_moves_only_what_it_must(count in 1_usize..10, sites in 1_usize..200) {
        let names: Vec<_> = (0..=count).map(|number| format!("member-{number}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let (fewer, more) = (Assignment::fixture("x", &names[..count]), Assignment::fixture("x", &names));
        for number in 0..sites {
            let (old, new) = (fewer.owner(&site(number)), more.owner(&site(number)));
            prop_assert!(old == new || new.map(AsRef::as_ref) == Some(names[count]));
        }
    }
}

#[test]
fn whose_a_site_is_never_depends_on_the_build() {
    let assignment = Assignment::fixture("a", &["a", "b", "c"]);
    let owners: Vec<_> = (0..12).map(|number| assignment.owner(&site(number)).unwrap().as_ref()).collect();
    assert_eq!(owners.join(""), "ccbaabaaaccc", "as all releases have it");
}

#[test]
fn a_member_sends_no_more_than_twelve_requests_a_minute() {
    let mut world = World::new(1);
    for _ in 0..3 {
        world.happens(Event::Join(1000));
    }
    let minutes = 20;
    while world.now < Duration::from_mins(minutes) {
        world.step();
    }
    assert!(world.requests <= 3 * 12 * minutes, "{}", world.requests);
    assert_eq!(STEP * 20, Duration::from_secs(1));
}

/// Steps until so many members agree that they are the fleet; says how long that took.
fn agreed(world: &mut World, count: usize) -> Duration {
    let begun = world.now;
    loop {
        world.step();
        let members: Vec<_> = world.members.iter().filter(|member| member.alive).collect();
        let agrees = |assignment: &Assignment| assignment.holds() && assignment.members().len() == count;
        if members.len() == count && members.iter().all(|member| agrees(&member.assignment)) {
            return world.now.saturating_sub(begun);
        }
        assert!(world.now.saturating_sub(begun) < SETTLED, "not {count} members after {SETTLED:?}");
    }
}

/// Whose each of so many sites is, as those who live see it.
fn owners(world: &World, sites: usize) -> Vec<String> {
    let member = world.members.iter().find(|member| member.alive).unwrap();
    (0..sites).map(|number| member.assignment.owner(&site(number)).unwrap().to_string()).collect()
}

#[test]
fn ten_members_share_five_thousand_sites_and_a_change_moves_no_more_than_it_must() {
    let (sites, mut world) = (5_000, World::new(1));
    for _ in 0..10 {
        world.happens(Event::Join(1000));
    }
    println!("ten members begin at once: balanced after {:?}", agreed(&mut world, 10));
    let mut known = owners(&world, sites);
    let names: Vec<_> = world.members.iter().map(|member| member.name.to_string()).collect();
    let share = |owners: &[String], name: &str| owners.iter().filter(|owner| *owner == name).count();
    let shares: Vec<_> = names.iter().map(|name| share(&known, name)).collect();
    println!("sites of each: {shares:?}");
    // 500 are the mean; the deviation of a fair choice is 21.
    assert!(shares.iter().all(|share| (400..=600).contains(share)), "{shares:?}");

    for (what, event, count, gone) in [
        ("one dies", Event::Kill(3), 9, Some(3)),
        ("one is drained", Event::Drain(5), 8, Some(5)),
        ("one joins", Event::Join(1000), 9, None),
    ] {
        world.happens(event);
        let balanced = agreed(&mut world, count);
        let now = owners(&world, sites);
        let moved: Vec<_> = known.iter().zip(&now).filter(|(old, new)| old != new).collect();
        println!("{what}: balanced after {balanced:?}, {} sites move", moved.len());
        let joined = world.members.last().map(|member| member.name.to_string()).unwrap();
        if let Some(index) = gone {
            assert!(moved.iter().all(|(old, _)| **old == names[index]), "{what}: others' sites moved");
            assert_eq!(moved.len(), share(&known, &names[index]), "{what}");
        } else {
            assert!(moved.iter().all(|(_, new)| **new == joined), "{what}: to others than the newcomer");
        }
        known = now;
    }

    let (minutes, before) = (10, world.requests);
    let end = world.now + Duration::from_mins(minutes);
    while world.now < end {
        world.step();
    }
    let requests = world.requests - before;
    println!("requests in {minutes} quiet minutes: {requests} of 9 members");
    assert!(requests <= 9 * 12 * minutes, "{requests}");
}

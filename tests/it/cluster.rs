//! The program, the chart and the manifests on a real Kubernetes control plane: etcd, API server, controller manager.
//!
//! They need the tools of `tests/cluster` (`make cluster-tools`), and say so where those are not built.

mod admission;
mod control_plane;
mod fleet;
mod installation;
mod objects;
mod release;

use control_plane::control_plane;
use release::Release;

use crate::harness::{Exporter, Sites, Volume, config, eventually};

const SUCCESSFUL: &str = "nbu_exporter_config_last_reload_successful";
const WATCH_UP: &str = "nbu_exporter_config_kubernetes_watch_up";
const LAG: &str = "nbu_exporter_config_mount_lag_seconds";

/// How many reloads of all triggers ended so.
fn outcomes(exporter: &Exporter, outcome: &str) -> f64 {
    ["file", "http", "kubernetes", "poll", "signal"]
        .iter()
        .map(|trigger| exporter.reloads(trigger, outcome))
        .sum()
}

fn watch_is_up(exporter: &Exporter) -> bool {
    exporter.sample(WATCH_UP) == Some(1.0)
}

#[test]
fn the_object_alone_drives_the_exporter_with_exactly_the_charts_rights() {
    let Some(cluster) = control_plane("the_object_alone_drives_the_exporter_with_exactly_the_charts_rights")
    else {
        return;
    };
    let _in_service = cluster.in_service();
    let sites = Sites::start(2);
    let (paris, lyon) = (("paris", sites.port(0)), ("lyon", sites.port(1)));
    let release = Release::with_config(cluster, "object-alone", &config(&[paris]));
    let exporter = release.start();
    eventually("the first site is up", || exporter.is_up("paris"));
    eventually("it is ready", || exporter.get("/-/ready").status == 200);
    release.edit(&config(&[paris, lyon]));
    eventually("the added site is up", || exporter.is_up("lyon"));
    assert_eq!(exporter.reloads("kubernetes", "applied"), 1.0);
    eventually("the Event is there", || {
        release.events("ConfigReloaded", "ConfigMap").iter().any(|note| note.contains("lyon"))
    });
    eventually("the pod has it as well", || !release.events("ConfigReloaded", "Pod").is_empty());
    // Another edit of the object that leaves the text alone is no news.
    release.kubectl(["annotate", "configmap", release::NAME, "example.com/note=1"]);
    exporter.signal("HUP");
    eventually("the signal is answered", || exporter.reloads("signal", "unchanged") == 1.0);
    assert_eq!(outcomes(&exporter, "applied"), 1.0);
}

#[test]
fn a_broken_edit_is_rejected_with_an_event_that_names_the_place() {
    let Some(cluster) = control_plane("a_broken_edit_is_rejected_with_an_event_that_names_the_place") else {
        return;
    };
    let _in_service = cluster.in_service();
    let sites = Sites::start(1);
    let good = config(&[("paris", sites.port(0))]);
    let release = Release::with_config(cluster, "broken-edit", &good);
    let exporter = release.start();
    eventually("the site is up", || exporter.is_up("paris"));
    let hash = exporter.sample("nbu_exporter_config_hash");
    release.edit(&good.replace("scheme: http", "scheme: gopher"));
    eventually("the rejection shows", || exporter.sample(SUCCESSFUL) == Some(0.0));
    let place = ":9:13: nbuservers[0].scheme";
    eventually("the Event names line and column", || {
        release.events("ConfigRejected", "ConfigMap").iter().any(|note| note.contains(place))
    });
    assert!(exporter.is_up("paris"), "the last good configuration runs on");
    assert_eq!(exporter.sample("nbu_exporter_config_hash"), hash);
    release.edit(&good);
    eventually("the way back shows", || exporter.sample(SUCCESSFUL) == Some(1.0));
    let told = release.kubectl(["get", "events.events.k8s.io", "--output", "yaml"]);
    assert!(!told.contains("simulated-key") && !exporter.log().join("\n").contains("simulated-key"));
}

#[test]
fn a_secret_drives_the_exporter_as_a_configmap_does_with_rights_to_it_alone() {
    let Some(cluster) =
        control_plane("a_secret_drives_the_exporter_as_a_configmap_does_with_rights_to_it_alone")
    else {
        return;
    };
    let _in_service = cluster.in_service();
    let sites = Sites::start(2);
    let (paris, lyon) = (("paris", sites.port(0)), ("lyon", sites.port(1)));
    let release = Release::with_secret(cluster, "secret-object", &config(&[paris]));
    let exporter = release.start_on(&format!("--config.kubernetes-secret={}", release::NAME));
    eventually("the first site is up", || exporter.is_up("paris"));
    let both = config(&[paris, lyon]);
    release.edit_secret(&both);
    eventually("the added site is up", || exporter.is_up("lyon"));
    release.edit_secret(&both.replace("scheme: http", "scheme: gopher"));
    eventually("the rejection is told", || {
        release
            .events("ConfigRejected", "Secret")
            .iter()
            .any(|note| note.contains(":9:13: nbuservers[0].scheme"))
    });
    assert!(release.events("ConfigReloaded", "Secret").iter().any(|note| note.contains("lyon")));
    let told = release.kubectl(["get", "events.events.k8s.io", "--output", "yaml"]);
    assert!(!told.contains("simulated-key") && !exporter.log().join("\n").contains("simulated-key"));
}

#[test]
fn another_name_than_the_rights_have_is_told_with_theirs() {
    let Some(cluster) = control_plane("another_name_than_the_rights_have_is_told_with_theirs") else {
        return;
    };
    let _in_service = cluster.in_service();
    let release = Release::with_config(cluster, "other-name", &config(&[]));
    let exporter = release.start_on("--config.kubernetes=without-the-hash");
    let told = "the rights that there are name another ConfigMap: nbu-exporter. If that is the mounted one";
    eventually("it is told", || exporter.log().iter().any(|line| line.contains(told)));
    assert_eq!(exporter.get("/-/ready").status, 503);
}

#[test]
fn a_missing_right_is_told_once_and_found_again_when_it_is_given() {
    let Some(cluster) = control_plane("a_missing_right_is_told_once_and_found_again_when_it_is_given") else {
        return;
    };
    let _in_service = cluster.in_service();
    let sites = Sites::start(1);
    let text = config(&[("paris", sites.port(0))]);
    let release = Release::with_config(cluster, "missing-right", &text);
    release.revoke();
    let volume = Volume::new(&[("config.yaml", &text)]);
    let exporter = release.start_with_file(&volume.path("config.yaml"));
    eventually("the volume alone drives", || exporter.is_up("paris"));
    let told = || exporter.log().iter().filter(|line| line.contains("resourceNames [nbu-exporter]")).count();
    eventually("the missing rule is told", || told() > 0);
    assert_eq!(exporter.sample(WATCH_UP), Some(0.0));
    release.grant();
    eventually("the watch is up", || watch_is_up(&exporter));
    assert_eq!(told(), 1, "{:#?}", exporter.log());
    release.edit(&text.replace("1s", "2s"));
    eventually("an edit is applied", || exporter.reloads("kubernetes", "applied") == 1.0);
}

#[test]
fn an_edit_that_the_api_shows_first_is_applied_once() {
    let Some(cluster) = control_plane("an_edit_that_the_api_shows_first_is_applied_once") else { return };
    let _in_service = cluster.in_service();
    let sites = Sites::start(2);
    let (paris, lyon) = (("paris", sites.port(0)), ("lyon", sites.port(1)));
    let (old, new) = (config(&[paris]), config(&[paris, lyon]));
    let release = Release::with_config(cluster, "both-sources", &old);
    let volume = Volume::new(&[("config.yaml", &old)]);
    let exporter = release.start_with_file(&volume.path("config.yaml"));
    eventually("both sources are there", || watch_is_up(&exporter) && exporter.is_up("paris"));
    let already = outcomes(&exporter, "applied");

    release.edit(&new);
    eventually("the edit is applied", || exporter.is_up("lyon"));
    exporter.signal("HUP");
    eventually("the lagging volume does not win", || {
        exporter.reloads("signal", "superseded") + exporter.reloads("signal", "unchanged") == 1.0
    });
    assert!(exporter.is_up("lyon"));
    eventually("the lag is told", || exporter.sample(LAG).is_some_and(|lag| lag > 0.0));
    assert_eq!(exporter.sample(SUCCESSFUL), Some(1.0));

    volume.swap(&[("config.yaml", &new)]);
    eventually("the volume has caught up", || exporter.sample(LAG) == Some(0.0));
    assert_eq!(outcomes(&exporter, "applied") - already, 1.0);
    assert_eq!(outcomes(&exporter, "rejected"), 0.0);

    // The way back is a revision of its own, although its content is old.
    release.edit(&old);
    eventually("the revert is applied", || exporter.runs(&old));
    assert!(!exporter.metrics().contains("lyon"));
    volume.swap(&[("config.yaml", &old)]);
    eventually("the volume has caught up again", || exporter.sample(LAG) == Some(0.0));
    assert_eq!(outcomes(&exporter, "applied") - already, 2.0);
}

#[test]
fn forty_edits_in_a_burst_with_a_broken_one_at_any_place_end_with_the_right_events() {
    let Some(cluster) =
        control_plane("forty_edits_in_a_burst_with_a_broken_one_at_any_place_end_with_the_right_events")
    else {
        return;
    };
    let _in_service = cluster.in_service();
    let sites = Sites::start(1);
    let text = config(&[("paris", sites.port(0))]);
    let release = Release::with_config(cluster, "burst", &text);
    let replicas = ["pod-a", "pod-b", "pod-c"].map(|name| release.start_in_pod(name));
    for replica in &replicas {
        eventually("it runs", || replica.is_up("paris") && watch_is_up(replica));
    }
    let rejections = || replicas.iter().map(|replica| outcomes(replica, "rejected")).sum::<f64>();
    // The budget of what is applied is spent in the first burst and not earned back before the second.
    for broken in [vec![0, 20], vec![39]] {
        let (mut refused, mut applied) = (Vec::new(), String::new());
        for edit in 0..40 {
            let manager = ["argo", "helm"][edit % 2];
            let changed = text.replace("1s", &format!("{}s", edit + broken.len() + 1));
            if broken.contains(&edit) {
                let before = rejections();
                let revision = release.edit_as(manager, &changed.replace("scheme: http", "scheme: gopher"));
                refused.push((revision, before));
            } else {
                applied = release.edit_as(manager, &changed);
            }
        }
        let is_told = |reason: &str, kind: &str, revision: &str| {
            let notes = release.events(reason, kind);
            notes.iter().filter(|note| note.starts_with(&format!("revision {revision}: "))).count()
        };
        for (revision, before) in refused {
            eventually("one of them refuses it at least", || rejections() > before);
            eventually("the rejection is told", || is_told("ConfigRejected", "ConfigMap", &revision) > 0);
        }
        eventually("the newest is told in the end", || is_told("ConfigReloaded", "ConfigMap", &applied) > 0);
        eventually("each pod has it as well", || is_told("ConfigReloaded", "Pod", &applied) == 3);
    }
    for replica in &replicas {
        assert_eq!(replica.sample(SUCCESSFUL), Some(0.0), "the last edit was a broken one");
    }
    for reason in ["ConfigReloaded", "ConfigRejected"] {
        let notes = release.events(reason, "ConfigMap");
        let mut revisions: Vec<_> = notes.iter().map(|note| note.split_once(": ").unwrap().0).collect();
        revisions.sort_unstable();
        let told = revisions.len();
        revisions.dedup();
        assert_eq!(revisions.len(), told, "{reason}: three replicas tell one thing once");
    }
}

#[test]
fn a_revert_while_the_object_can_not_be_read_applies() {
    let Some(cluster) = control_plane("a_revert_while_the_object_can_not_be_read_applies") else { return };
    let _in_service = cluster.in_service();
    let sites = Sites::start(2);
    let (paris, lyon) = (("paris", sites.port(0)), ("lyon", sites.port(1)));
    let (old, new) = (config(&[paris]), config(&[paris, lyon]));
    let release = Release::with_config(cluster, "blind-revert", &old);
    let volume = Volume::new(&[("config.yaml", &old)]);
    let exporter = release.start_with_file(&volume.path("config.yaml"));
    eventually("both sources are there", || watch_is_up(&exporter) && exporter.is_up("paris"));
    release.edit(&new);
    eventually("the edit is applied", || exporter.is_up("lyon"));
    volume.swap(&[("config.yaml", &new)]);
    eventually("the volume has caught up", || exporter.sample(LAG) == Some(0.0));

    release.revoke();
    eventually("the lost right shows", || exporter.sample(WATCH_UP) == Some(0.0));
    release.edit(&old);
    volume.swap(&[("config.yaml", &old)]);
    eventually("the revert is applied", || exporter.runs(&old));
    let answer = exporter.post("/-/reload");
    assert!(answer.status == 200 && answer.body().contains("unchanged"), "{}", answer.body());
    release.grant();
    eventually("the watch is up", || watch_is_up(&exporter));
    assert!(exporter.runs(&old) && exporter.sample(LAG) == Some(0.0));
}

#[test]
fn a_bad_edit_does_not_wait_for_the_next_restart() {
    let Some(cluster) = control_plane("a_bad_edit_does_not_wait_for_the_next_restart") else { return };
    let _in_service = cluster.in_service();
    let sites = Sites::start(1);
    let good = config(&[("paris", sites.port(0))]).replace("simulated-key", "${TEST_KEY}");
    let bad = good.replace("scheme: http", "scheme: gopher");
    let release = Release::with_config(cluster, "bad-edit", &good);
    release.keep();
    let volume = Volume::new(&[("config.yaml", &good)]);
    let exporter = release.start_keeping(&volume.path("config.yaml"));
    eventually("the site is up", || exporter.is_up("paris"));
    eventually("it is kept", || release.kept().ends_with(&good));
    release.edit(&bad);
    eventually("the rejection shows", || exporter.sample(SUCCESSFUL) == Some(0.0));

    // The pod is deleted; the new one has a new volume.
    drop(exporter);
    let volume = Volume::new(&[("config.yaml", &bad)]);
    let exporter = release.start_keeping(&volume.path("config.yaml"));
    eventually("the scrape goes on", || exporter.is_up("paris") && exporter.get("/-/ready").status == 200);
    assert!(exporter.runs(&good));
    assert_eq!(exporter.sample(SUCCESSFUL), Some(0.0));
    eventually("the log names the place", || exporter.log().iter().any(|line| line.contains(":9:13: ")));
    eventually("the pod has the Event", || !release.events("ConfigRejected", "Pod").is_empty());
    let repaired = good.replace("paris", "lyon");
    release.edit(&repaired);
    eventually("the repair is applied", || {
        exporter.is_up("lyon") && exporter.sample(SUCCESSFUL) == Some(1.0)
    });
    eventually("it is kept", || release.kept().ends_with(&repaired));
    assert!(!release.kept().contains("simulated-key"));
}

/// The one test that stops the API server; the others wait.
#[test]
fn an_outage_of_the_api_server_and_lost_rights_are_survived() {
    let Some(cluster) = control_plane("an_outage_of_the_api_server_and_lost_rights_are_survived") else {
        return;
    };
    let sites = Sites::start(2);
    let (paris, lyon) = (("paris", sites.port(0)), ("lyon", sites.port(1)));
    let (old, new) = (config(&[paris]), config(&[paris, lyon]));
    let volume = Volume::new(&[("config.yaml", &old)]);
    let (release, alone, both) = {
        let _in_service = cluster.in_service();
        let release = Release::with_config(cluster, "outage", &old);
        let (alone, both) = (release.start(), release.start_with_file(&volume.path("config.yaml")));
        eventually("both run", || {
            [&alone, &both].iter().all(|exporter| watch_is_up(exporter) && exporter.is_up("paris"))
        });
        release.revoke();
        (release, alone, both)
    };
    // An open watch outlives the right to it; the outage ends it.
    let mut outage = cluster.begin_outage();
    for exporter in [&alone, &both] {
        eventually("the lost watch shows", || exporter.sample(WATCH_UP) == Some(0.0));
        assert!(exporter.is_up("paris"));
        eventually("it is ready", || exporter.get("/-/ready").status == 200);
    }
    volume.swap(&[("config.yaml", &new)]);
    eventually("the volume alone drives", || both.is_up("lyon"));

    outage.end();
    for exporter in [&alone, &both] {
        let told = "the API server forbids";
        eventually("the lost right is told", || exporter.log().iter().any(|line| line.contains(told)));
        assert_eq!(exporter.sample(WATCH_UP), Some(0.0));
    }
    release.edit(&new);
    release.grant();
    eventually("the watch comes back with what was missed", || watch_is_up(&alone) && alone.is_up("lyon"));
    eventually("the watch comes back", || watch_is_up(&both));
    assert!(both.is_up("lyon"));
    release.edit(&old);
    for exporter in [&alone, &both] {
        eventually("an edit is applied again", || !exporter.metrics().contains("lyon"));
    }
}

#[test]
fn a_program_without_its_object_waits_for_it() {
    let Some(cluster) = control_plane("a_program_without_its_object_waits_for_it") else { return };
    let _in_service = cluster.in_service();
    let sites = Sites::start(1);
    let release = Release::new(cluster, "no-object");
    let exporter = release.start();
    assert_eq!(exporter.get("/-/healthy").status, 200);
    assert_eq!(exporter.get("/-/ready").status, 503);
    release.create(&config(&[("paris", sites.port(0))]));
    eventually("the object is found", || exporter.is_up("paris"));
    eventually("it is ready", || exporter.get("/-/ready").status == 200);
}

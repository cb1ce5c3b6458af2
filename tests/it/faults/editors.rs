//! Files that people and tools change in place or by a rename, and halves of them.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::only;
use crate::harness::{CONFIG, Exporter, Sites, Stage, Volume, eventually, post, skip};

fn plain() -> Stage {
    let sites = Sites::marked(2);
    let volume = Volume::plain(tempfile::tempdir().unwrap(), "conf");
    fs::write(volume.path(CONFIG), sites.config([("paris", 0), ("lyon", 1)])).unwrap();
    let exporter = Exporter::start(&volume.path(CONFIG));
    let stage = Stage { exporter, volume, sites };
    stage.shows("paris", 0);
    stage.shows("lyon", 1);
    stage
}

/// Runs a shell script in the directory of the configuration; whether it could run.
fn shell(stage: &Stage, script: &str) -> bool {
    let mut command = Command::new("sh");
    command.args(["-ec", script]).current_dir(stage.volume.root());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn every_way_to_save_a_file_is_one_reload() {
    let stage = plain();
    let scraper = stage.scrape(&[("paris", 0), ("lyon", 1)]);
    let base = stage.config(&[("paris", 0), ("lyon", 1)]);
    let marked = |number: usize| format!("# edit {number}\n{base}");
    fs::write(stage.path(), marked(0)).unwrap();
    stage.exporter.until_runs(&marked(0));
    fs::create_dir(stage.volume.root().with_extension("elsewhere")).unwrap();
    let saves = [
        ("sed in place", "sed -i 's/^# edit .*/# edit NEW/' config.yaml"),
        ("cp over it", "sed 's/^# edit .*/# edit NEW/' config.yaml > ../copy; cp ../copy config.yaml"),
        (
            "mv from elsewhere",
            "sed 's/^# edit .*/# edit NEW/' config.yaml > ../moved; mv ../moved config.yaml",
        ),
        ("a redirection", "sed 's/^# edit .*/# edit NEW/' config.yaml > ../text; cat ../text > config.yaml"),
        (
            "an editor with a swap file, a lock and a backup",
            "touch .config.yaml.swp; ln -s nobody .#config.yaml; cp config.yaml config.yaml~; \
          sed 's/^# edit .*/# edit NEW/' config.yaml > config.yaml.new; mv config.yaml.new config.yaml; \
          rm .config.yaml.swp .#config.yaml config.yaml~",
        ),
        (
            "vim",
            "vim -N -u NONE -es -c 'set writebackup backupcopy=no' -c '%s/^# edit .*/# edit NEW/' -c wq config.yaml",
        ),
        (
            "vim in place",
            "vim -N -u NONE -es -c 'set backupcopy=yes' -c '%s/^# edit .*/# edit NEW/' -c wq config.yaml",
        ),
    ];
    let mut applied = 1.0;
    for ((name, script), number) in saves.into_iter().zip(1..) {
        if !shell(&stage, &script.replace("NEW", &number.to_string())) {
            assert!(script.starts_with("vim"), "{name}");
            skip("editors", format_args!("{name} is not installed here"));
            continue;
        }
        assert_eq!(fs::read_to_string(stage.path()).unwrap(), marked(number), "{name}");
        stage.exporter.until_runs(&marked(number));
        applied += 1.0;
        eventually(name, || stage.exporter.reloads("file", "applied") == applied);
        // Between two steps of vim there is no file, or an empty one, for as long as a busy machine keeps vim waiting.
        assert!(script.starts_with("vim") || stage.exporter.reloads("file", "rejected") == 0.0, "{name}");
    }
    scraper.stop();
    let rejected = stage.exporter.reloads("file", "rejected");
    only(&stage, &[("file", "applied", applied), ("file", "rejected", rejected)]);
}

#[test]
fn a_half_written_file_is_never_applied_whoever_asks() {
    let stage = plain();
    // The half is a valid configuration, in which lyon is missing.
    let scraper = stage.scrape(&[("paris", 0), ("lyon", 1)]);
    let text = format!("{}# the end\n", stage.config(&[("paris", 0), ("lyon", 1)]));
    let half = text.find("  - site: lyon").unwrap();
    let mut file = File::create(stage.path()).unwrap();
    file.write_all(&text.as_bytes()[..half]).unwrap();
    let address = stage.exporter.address();
    let answer = std::thread::spawn(move || post(address, "/-/reload").unwrap());
    stage.exporter.signal("HUP");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(!answer.is_finished(), "nobody knows yet what the file will be");
    file.write_all(&text.as_bytes()[half..]).unwrap();
    drop(file);
    let answer = answer.join().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body());
    assert!(stage.exporter.runs(&text));
    stage.exporter.post("/-/reload");
    scraper.stop();
    // Usually one look answers the file, the signal and the request, but nobody knows how late each of them comes.
    let counts = ["file", "signal", "http"].map(|trigger| {
        ["applied", "unchanged"].map(|outcome| (trigger, outcome, stage.exporter.reloads(trigger, outcome)))
    });
    let applied: f64 = counts.iter().map(|[(_, _, applied), _]| applied).sum();
    assert_eq!(applied, 1.0, "the half is never applied, and the whole once");
    only(&stage, counts.as_flattened());
}

#[test]
fn an_emptied_file_is_rejected_at_most_once_and_what_is_written_later_runs() {
    let stage = plain();
    let scraper = stage.scrape(&[("paris", 0), ("lyon", 1)]);
    fs::write(stage.path(), "").unwrap();
    eventually("the rejection shows", || !stage.exporter.is_newest());
    let text = format!("{}# again\n", stage.config(&[("paris", 0), ("lyon", 1)]));
    fs::write(stage.path(), &text).unwrap();
    stage.exporter.until_runs(&text);
    assert!(stage.exporter.is_newest());
    scraper.stop();
    only(&stage, &[("file", "rejected", 1.0), ("file", "applied", 1.0)]);
}

#[test]
fn a_checkout_of_many_files_ends_with_all_of_them_new() {
    let stage = plain();
    let keys = |generation: &str| {
        for site in ["paris", "lyon"] {
            fs::write(stage.volume.path(&format!("{site}.key")), format!("{site}-{generation}\n")).unwrap();
        }
    };
    let write = |path: &Path, text: &str| fs::write(path, text).unwrap();
    keys("one");
    for server in 0..2 {
        stage
            .server(server)
            .replace_keys(&["one", "two"].map(|key| format!("{}-{key}", ["paris", "lyon"][server])));
    }
    let text = stage.config(&[("paris", 0), ("lyon", 1)]);
    let by_file = text.replacen("apiKey: simulated-key", "apiKeyFile: paris.key", 1).replacen(
        "apiKey: simulated-key",
        "apiKeyFile: lyon.key",
        1,
    );
    write(&stage.path(), &by_file);
    stage.exporter.until_runs(&by_file);
    keys("two");
    let last = format!("{by_file}# two\n");
    write(&stage.path(), &last);
    stage.exporter.until_runs(&last);
    for (server, site) in ["paris", "lyon"].into_iter().enumerate() {
        let key = crate::harness::fingerprint(&format!("{site}-two"));
        eventually("the newest key is used", || {
            let requests = stage.server(server).requests().matching("/admin/jobs");
            requests.last().is_some_and(|request| request.key_fingerprint.as_ref() == Some(&key))
        });
    }
    let applied = stage.exporter.reloads("file", "applied");
    assert!((2.0..=5.0).contains(&applied), "{applied} reloads for two checkouts");
}

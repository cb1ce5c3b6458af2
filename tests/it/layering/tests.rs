//! That the check can fail, and where it must not.

use super::{LINE_BUDGET, findings, layer_findings};

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let files: Vec<_> = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    assert_eq!([layer_findings(&files), findings(&files)].concat(), expected, "{files:?}");
}

#[test]
fn imports_downward_are_fine() {
    for (file, text) in [
        ("src/reload.rs", "use crate::source::FileSnapshot; use crate::config::Config;"),
        ("src/config/site.rs", "use crate::metric::Naming; use super::endpoint::Endpoint;"),
        ("src/supervisor.rs", "use crate::poller::Poller;"),
        ("src/poller/cycle.rs", "use crate::{collector::Collector, snapshot::{self, Writer as Pen}};"),
        ("src/cli/demo.rs", "use nbu_exporter_simulator::Simulation; use crate::app::App;"),
        ("src/main.rs", "use nbu_exporter::cli; fn main() -> std::process::ExitCode { cli::run() }"),
        ("src/lib.rs", "pub mod config; pub mod metric;"),
    ] {
        check(&[(file, text)], &[]);
    }
}

#[test]
fn imports_upward_or_sideways_are_found() {
    for (file, text, finding) in [
        (
            "src/config.rs",
            "\nuse crate::reload::Digest;",
            "src/config.rs:2: `crate::reload::Digest`: `reload` stands above `config`",
        ),
        (
            "src/metric.rs",
            "use crate::config::Site;",
            "src/metric.rs:1: `crate::config::Site`: `config` stands above `metric`",
        ),
        (
            "src/reload.rs",
            "use crate::collector::X;",
            "src/reload.rs:1: `crate::collector::X`: `collector` stands beside `reload`",
        ),
        (
            "src/poller.rs",
            "use crate::supervisor::X;",
            "src/poller.rs:1: `crate::supervisor::X`: `supervisor` stands above `poller`",
        ),
        ("src/app.rs", "use crate::cli::X;", "src/app.rs:1: `crate::cli::X`: `cli` stands above `app`"),
    ] {
        check(&[(file, text)], &[finding]);
    }
}

#[test]
fn a_path_is_found_in_every_form() {
    let found = ["src/source/file.rs:1: `crate::netbackup::Client`: `netbackup` stands beside `source`"];
    for text in [
        "use crate::netbackup::Client;",
        "use crate::{config::{Site, Secret as S}, netbackup::Client};",
        "use super::super::netbackup::Client;",
        "fn f(_: crate::netbackup::Client) {}",
        "fn f() { g::<crate::netbackup::Client>() }",
        "fn f() { tracing::info!(\"{}\", crate::netbackup::Client) }",
        "use nbu_exporter::netbackup::Client;",
        "mod inner { use super::super::super::netbackup::Client; }",
        "pub(crate) use crate::netbackup::Client;",
    ] {
        check(&[("src/source/file.rs", text)], &found);
    }
}

#[test]
fn comments_strings_and_tests_are_not_read() {
    for text in [
        "//! See [`crate::http::Server`].\n/// And `crate::app`.\nfn f() {} // crate::app::X\n/* crate::app::X */",
        "const TEXT: &str = \"use crate::app::X;\"; const RAW: &str = r#\"crate::app::\"X\"\"#;",
        "#[cfg(test)]\nmod tests { use crate::app::X; }",
        "#[cfg(test)]\n#[allow(unused)]\nfn only_in_tests(_: crate::app::X) -> [u8; 2] { [1; 2] }",
        "#[cfg(test)]\nuse crate::app::X;\nuse crate::config::Site;",
    ] {
        check(&[("src/reload.rs", text)], &[]);
    }
    let declared = ("src/reload/reloader.rs", "#[cfg(test)]\nmod fakes;");
    let test = ("src/reload/reloader/fakes.rs", "use crate::app::X;");
    check(&[declared, test], &[]);
    let finding = "src/reload/reloader/fakes.rs:1: `crate::app::X`: `app` stands above `reload`";
    check(&[("src/reload/reloader.rs", "mod fakes;"), test], &[finding]);
    check(
        &[("src/reload.rs", "#[cfg(test)]\nmod tests {}\nuse crate::app::X;")],
        &["src/reload.rs:3: `crate::app::X`: `app` stands above `reload`"],
    );
}

#[test]
fn a_forbidden_name_is_found() {
    for (file, text, finding) in [
        (
            "src/http.rs",
            "use crate::netbackup::X;",
            "src/http.rs:1: `crate::netbackup::X` in `http`: the surface only shows what is there",
        ),
        (
            "src/app.rs",
            "use nbu_exporter_simulator::X;",
            "src/app.rs:1: `nbu_exporter_simulator::X` in `app`: only the command line starts simulations",
        ),
        (
            "src/config.rs",
            "fn f() { tracing::warn!(\"\") }",
            "src/config.rs:1: `tracing::warn` in `config`: the vocabulary does no I/O, spawns nothing and does not log",
        ),
        (
            "src/poller.rs",
            "use reqwest::Client;",
            "src/poller.rs:1: `reqwest::Client` in `poller`: the processes speak neither HTTP nor YAML",
        ),
    ] {
        check(&[(file, text)], &[finding]);
    }
}

#[test]
fn a_module_without_a_place_is_found() {
    check(
        &[("src/cache.rs", ""), ("src/poller.rs", "use crate::cache::X;")],
        &[
            "src/cache.rs:1: the module `cache` has no place in the table of layers",
            "src/poller.rs:1: `crate::cache::X`: `cache` has no place in the table of layers",
        ],
    );
}

#[test]
fn the_yaml_crate_and_the_metrics_model_each_have_one_file() {
    let yaml = ("src/config/yaml.rs", "use serde_yaml::Value;");
    check(&[yaml, ("src/config/raw.rs", "#[cfg(test)] mod tests { use serde_yaml::Value; }")], &[]);
    check(
        &[yaml, ("src/http.rs", "fn f() { serde_yaml::to_string() }")],
        &["src/http.rs:1: `serde_yaml` has its one file already: src/config/yaml.rs:1"],
    );
    check(
        &[
            ("src/exposition/registry.rs", "use prometheus::proto::Metric;"),
            ("src/http/metrics.rs", "use prometheus::{Registry, proto::MetricFamily};"),
        ],
        &[
            "src/http/metrics.rs:1: `prometheus::proto` has its one file already: src/exposition/registry.rs:1",
        ],
    );
}

#[test]
fn a_name_that_says_nothing_is_found() {
    check(&[("src/http/mod.rs", "")], &["src/http/mod.rs:1: `mod` says nothing about what is inside"]);
    check(&[("src/http/utils.rs", "")], &["src/http/utils.rs:1: `utils` says nothing about what is inside"]);
    check(
        &[("src/http.rs", "\nmod helpers {}")],
        &["src/http.rs:2: `helpers` says nothing about what is inside"],
    );
}

#[test]
fn a_file_over_the_budget_is_found_and_its_tests_do_not_count() {
    let line = "const A: u8 = 0;\n";
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", line.repeat(100));
    let full = format!("{}{tests}", line.repeat(LINE_BUDGET));
    check(&[("src/http.rs", &full)], &[]);
    let finding =
        format!("src/http.rs:1: has {} lines without its tests, over {LINE_BUDGET}", LINE_BUDGET + 1);
    check(&[("src/http.rs", &format!("{line}{full}"))], &[&finding]);
}

#[test]
fn what_is_no_rust_is_found() {
    check(&[("src/http.rs", "fn f() {}\nfn g() { (")], &["src/http.rs:2: is no Rust"]);
}

#[test]
fn modules_beside_each_other_that_use_each_other_are_found() {
    let parent = |text| ("src/config.rs", text);
    let found = [
        "src/config/raw.rs:1: `config::raw` uses `config::valid`, which uses `config::raw` in turn",
        "src/config/valid/site.rs:1: `config::valid` uses `config::raw`, which uses `config::valid` in turn",
    ];
    for (declared, raw, valid) in [
        ("mod raw; mod valid;", "use crate::config::valid::X;", "use crate::config::raw::Y;"),
        ("mod raw; mod valid;", "use super::valid::{self, X};", "use super::super::raw::Y;"),
        ("mod raw; mod valid; pub use valid::X;", "use super::X;", "fn f(_: crate::config::raw::Y) {}"),
        ("mod raw; mod valid; use valid::X as Z;", "fn f() { super::Z::new() }", "use super::super::raw;"),
    ] {
        let site = ("src/config/valid/site.rs", valid);
        check(
            &[parent(declared), ("src/config/raw.rs", raw), ("src/config/valid.rs", "mod site;"), site],
            &found,
        );
    }
    let ring = [
        parent("mod a; mod b; mod c;"),
        ("src/config/a.rs", "use super::b::X;"),
        ("src/config/b.rs", "use super::c::X;"),
        ("src/config/c.rs", "use super::a::X;"),
    ];
    assert_eq!(findings(&ring.map(|(file, text)| (file.to_owned(), text.to_owned()))).len(), 3);
}

#[test]
fn a_parent_and_its_child_and_one_way_between_siblings_are_no_circle() {
    check(
        &[
            ("src/config.rs", "mod raw; mod valid; pub use valid::Valid; struct Own; use raw::Raw;"),
            ("src/config/raw.rs", "use super::Own; #[cfg(test)] mod tests { use super::super::valid::X; }"),
            ("src/config/valid.rs", "use super::Own; use super::raw::Raw; struct Valid;"),
        ],
        &[],
    );
}

#[test]
fn a_type_name_that_a_crate_has_twice_is_found() {
    let tests = "#[cfg(test)] mod tests { struct Page; }";
    let one = ("src/http.rs", "pub struct Page; enum Error {}");
    check(&[one, ("src/reload.rs", tests), ("src/poller.rs", "enum Error {}")], &[]);
    check(
        &[one, ("src/reload.rs", "\ntrait Page {}")],
        &["src/reload.rs:2: the type name `Page` is taken already: src/http.rs:1"],
    );
}

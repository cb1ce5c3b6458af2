//! The documents say what the program does: what can be generated is compared, what can be asked is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use nbu_exporter::app::catalogue;
use nbu_exporter::{ApiVersion, RESERVED_PATHS};

use crate::commands::program;
use crate::golden;
use crate::harness::{Exporter, expect, read, repository, request};
use crate::layering::LAYERS;
use crate::program::rust_files;

/// Puts `body` between the two comments that are called `name`.
#[track_caller]
pub fn with_section(document: &str, name: &str, body: &str) -> String {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let (head, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("{begin:?} is missing"));
    let (_, tail) = rest.split_once(&end).unwrap_or_else(|| panic!("{end:?} is missing"));
    format!("{head}{begin}\n{}\n\n{end}{tail}", body.trim())
}

/// What a page says of one family.
#[derive(Default)]
struct Served {
    help: String,
    kind: String,
    labels: BTreeSet<String>,
}

fn label_names(series: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let Some((_, mut rest)) = series.split_once('{') else { return names };
    while let Some((name, value)) = rest.split_once("=\"") {
        names.insert(name.trim_start_matches(',').to_owned());
        // To the quote that is not escaped.
        let end = value.bytes().scan(false, |escaped, byte| {
            let ends = byte == b'"' && !*escaped;
            *escaped = byte == b'\\' && !*escaped;
            Some(ends)
        });
        rest = &value[end.into_iter().position(|ends| ends).unwrap() + 1..];
    }
    names.remove("le");
    names
}

fn families(page: &str) -> BTreeMap<String, Served> {
    let mut families = BTreeMap::new();
    let mut name = String::new();
    for line in page.lines() {
        if let Some((family, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            family.clone_into(&mut name);
            let new = families.insert(name.clone(), Served { help: help.to_owned(), ..Served::default() });
            assert!(new.is_none(), "{name} is there twice");
        }
        let served: &mut Served = families.get_mut(&name).unwrap();
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            rest.rsplit(' ').next().unwrap().clone_into(&mut served.kind);
        } else if !line.starts_with('#') {
            served.labels.extend(label_names(line));
        }
    }
    families
}

fn own_table(page: &str) -> String {
    let of_sites: BTreeSet<_> = catalogue().iter().map(|listed| listed.desc.name).collect();
    let mut table = "| metric | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for (name, served) in families(page).iter().filter(|(name, _)| !of_sites.contains(name.as_str())) {
        let labels = served.labels.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            table,
            "| `{name}` | {} | {labels} | {} |",
            served.kind,
            served.help.replace('|', "\\|")
        );
    }
    table
}

#[test]
fn the_list_of_metrics_is_the_programs() {
    let of_sites = program(&["list-metrics", "--format", "markdown"]).success();
    let text = with_section(&read("docs/metrics.md"), "sites", &of_sites);
    expect("docs/metrics.md", &with_section(&text, "exporter", &own_table(&golden::page_in_cluster("both"))));
}

#[test]
fn what_is_listed_is_served_and_what_is_served_is_documented() {
    let page = golden::page_in_cluster("both");
    let served = families(&page);
    let documented = read("docs/metrics.md");
    for (name, family) in &served {
        let row = format!("| `{name}` | {} |", family.kind);
        assert!(documented.contains(&row), "{name} is not documented as {}", family.kind);
    }
    for listed in catalogue() {
        let name = listed.desc.name;
        let family = served.get(name).unwrap_or_else(|| panic!("{name} is listed and not served"));
        let labels: BTreeSet<_> = listed.labels().map(str::to_owned).collect();
        assert_eq!((&*family.kind, &family.labels), (listed.desc.kind.as_ref(), &labels), "{name}");
    }
    let rows = documented.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for name in rows {
        assert!(served.contains_key(name), "{name} is documented and not served");
    }
}

/// The code of the fenced blocks in this language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    text.split(begin.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// The words of an expression that could be names.
fn words(expression: &str) -> impl Iterator<Item = &str> {
    expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[test]
fn the_examples_of_queries_name_metrics_and_labels_that_are_served() {
    let documented = read("docs/metrics.md");
    let served = families(&golden::page("both"));
    let examples = blocks(&documented, "promql");
    assert!(!examples.is_empty());
    for line in examples.iter().flat_map(|block| block.lines()) {
        let expression = line.split(" # ").next().unwrap();
        let used: Vec<_> = words(expression)
            .filter(|word| word.starts_with("nbu_"))
            .map(|name| {
                served.get(name.trim_end_matches("_bucket")).unwrap_or_else(|| panic!("{name}: {line}"))
            })
            .collect();
        let grouped =
            expression.split("by (").skip(1).flat_map(|rest| words(rest.split(')').next().unwrap()));
        let selected =
            expression.split('{').skip(1).flat_map(|rest| rest.split('}').next().unwrap().split(','));
        let selected = selected.filter_map(|matcher| words(matcher).next());
        for label in grouped.chain(selected).filter(|label| *label != "le") {
            assert!(used.iter().any(|family| family.labels.contains(label)), "{label}: {line}");
        }
    }
}

#[test]
fn no_name_is_used_twice_and_a_sites_series_begin_with_its_label() {
    let page = golden::page("both");
    let served = families(&page);
    for (name, _) in served.iter().filter(|(_, family)| family.kind == "histogram") {
        for suffix in ["_bucket", "_sum", "_count"] {
            assert!(
                !served.contains_key(&format!("{name}{suffix}")),
                "{name}{suffix} is a family and part of one"
            );
        }
    }
    for listed in catalogue() {
        let name = listed.desc.name;
        let suffixes = ["", "_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}{{"));
        let own = page.lines().filter(|line| suffixes.iter().any(|series| line.starts_with(series)));
        for line in own {
            assert!(line.split_once('{').unwrap().1.starts_with("site=\"paris\""), "{line}");
        }
        assert!(
            !name.starts_with("nbu_exporter_") && !name.starts_with("process_"),
            "{name} looks like our own"
        );
    }
    for name in
        served.keys().filter(|name| !catalogue().iter().any(|listed| listed.desc.name == name.as_str()))
    {
        assert!(
            name.starts_with("nbu_exporter_") || name.starts_with("process_"),
            "{name} looks like a site's"
        );
    }
}

/// A monitor of the Prometheus operator sets these on its targets, and ours would come out as `exported_…`.
const LABELS_OF_TARGETS: [&str; 9] =
    ["endpoint", "service", "instance", "job", "pod", "namespace", "container", "node", "prometheus"];

#[test]
fn no_family_has_a_label_that_a_monitor_sets_on_its_targets() {
    let served = families(&golden::page_in_cluster("both"));
    let served = served.iter().map(|(name, family)| (name.clone(), family.labels.clone()));
    let listed = catalogue().into_iter().map(|listed| {
        (listed.desc.name.to_owned(), listed.labels().map(str::to_owned).collect::<BTreeSet<_>>())
    });
    for (name, labels) in served.chain(listed) {
        let taken = labels.iter().find(|label| LABELS_OF_TARGETS.contains(&label.as_str()));
        assert_eq!(taken, None, "{name}");
    }
}

/// Words that look like metrics and are none of ours: the Go exporter, and what it declared and never served.
const NO_METRICS: [&str; 2] = ["nbu_exporter", "nbu_response_time_ms"];

#[test]
fn every_metric_that_a_document_or_a_dashboard_names_is_one_of_ours() {
    let documented = read("docs/metrics.md");
    let known: BTreeSet<_> =
        documented.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let mut files = Vec::new();
    documents(&repository(""), &mut files);
    let dashboards = std::fs::read_dir(repository("charts/nbu-exporter/dashboards")).unwrap();
    let dashboards = dashboards.map(|entry| entry.unwrap().path());
    files.extend(dashboards.filter(|path| path.extension().is_some_and(|kind| kind == "json")));
    let mut unknown = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // A name that ends in an underscore stands for several: `nbu_disk_*`.
        let names = words(&text).filter(|word| word.starts_with("nbu_") && !word.ends_with('_'));
        unknown.extend(names.map(|name| name.trim_end_matches("_bucket")).filter_map(|name| {
            let is_known = known.contains(name) || NO_METRICS.contains(&name);
            (!is_known).then(|| format!("{}: {name}", file.display()))
        }));
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// What the key's role needs, by collector and resource.
fn permissions() -> String {
    let mut table = "| collector | resource | since API | namespace |\n|---|---|---|---|\n".to_owned();
    let mut rows = BTreeSet::new();
    for listed in catalogue() {
        let (Some(resource), Some(since)) = (listed.resource, listed.since) else { continue };
        let needed = match listed.permission {
            None => "none".to_owned(),
            Some(("|OPERATIONS|VIEW|", namespace)) => format!("`{}`", namespace.replace('|', "\\|")),
            Some((operation, namespace)) => {
                format!("`{}`: `{}`", namespace.replace('|', "\\|"), operation.replace('|', "\\|"))
            }
        };
        let default = if listed.is_default { "" } else { " (off by default)" };
        rows.insert(format!("| {}{default} | `{resource}` | {since} | {needed} |\n", listed.from));
    }
    table.extend(rows);
    table
}

#[test]
fn the_page_about_netbackup_names_each_permission_resource_and_version() {
    let text = read("docs/netbackup.md");
    expect("docs/netbackup.md", &with_section(&text, "permissions", &permissions()));
    let cells = text.lines().filter_map(|row| row.strip_prefix("| ")?.split(" | ").nth(1));
    let majors: Vec<_> = cells.filter_map(|cell| Some(cell.parse::<ApiVersion>().ok()?.major)).collect();
    let spoken: Vec<_> = (ApiVersion::OLDEST.major..=ApiVersion::NEWEST.major).rev().collect();
    assert_eq!(majors, spoken);
}

/// The commands that the program's own help text names.
fn commands(help: &str) -> impl Iterator<Item = &str> {
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let lines = commands.lines().take_while(|line| !line.is_empty());
    lines.map(|line| line.split_whitespace().next().unwrap()).filter(|name| *name != "help")
}

fn help_section(command: &str, help: &str) -> String {
    let lines: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
    format!("## `{command}`\n\n```text\n{}\n```\n\n", lines.join("\n"))
}

#[test]
fn the_help_texts_are_the_programs() {
    let general = program(&["--help"]).success();
    let mut body = help_section("nbu-exporter", &general);
    for command in commands(&general) {
        let help = program(&[command, "--help"]).success();
        body.push_str(&help_section(&format!("nbu-exporter {command}"), &help));
    }
    expect("docs/cli.md", &with_section(&read("docs/cli.md"), "help", &body));
}

#[test]
fn the_table_of_layers_is_the_enforced_one() {
    let text = read("docs/architecture.md");
    let mut documented = BTreeSet::new();
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let Some(Ok(layer)) = cells.first().map(|cell| cell.parse::<u8>()) else { continue };
        let names = cells[1].split(", ").map(|name| (name.trim_matches('`').to_owned(), layer));
        documented.extend(names);
    }
    let enforced: BTreeSet<_> = LAYERS.iter().map(|(name, layer)| ((*name).to_owned(), *layer)).collect();
    assert_eq!(documented, enforced);
}

#[test]
fn every_documented_path_answers_and_every_path_is_documented() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    std::fs::write(&file, "nbuservers: []\n").unwrap();
    let exporter = Exporter::start(&file);
    let text = read("docs/http.md");
    let mut documented = BTreeSet::new();
    // A row is: | `METHOD /path` | status | …
    for row in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let Some((method, path)) = cells[0].trim_matches('`').split_once(' ') else { continue };
        let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{length}Connection: close\r\n\r\n");
        let answer = request(exporter.address(), &head).unwrap();
        assert!(cells[1].contains(&answer.status.to_string()), "{row}: {}", answer.status);
        assert!(answer.head.contains("x-content-type-options: nosniff"), "{row}: {}", answer.head);
        documented.insert(path.to_owned());
    }
    let router = read("src/http/router.rs");
    let paths: BTreeSet<_> =
        router.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    for path in &paths {
        assert!(documented.contains(*path), "{path} is not in docs/http.md");
    }
    // A metrics page at the path of another one could never be reached.
    assert_eq!(paths, BTreeSet::from(RESERVED_PATHS));
    assert!(documented.contains("/metrics"));
}

fn command_behind(marker: &str) -> String {
    let text = read("README.md");
    let (_, rest) =
        text.split_once(&format!("<!-- {marker} -->\n```sh\n")).unwrap_or_else(|| panic!("{marker}"));
    rest.split_once("\n```").unwrap().0.to_owned()
}

#[test]
fn the_two_commands_of_the_readme_are_commands() {
    assert_eq!(command_behind("test-command"), "cargo test");
    let demo = command_behind("demo-command");
    let (cargo, arguments) = demo.split_once(" -- ").unwrap();
    assert!(cargo.starts_with("cargo run"), "{cargo}");
    let arguments: Vec<_> = arguments.split(' ').chain(["--help"]).collect();
    program(&arguments).success();
}

/// All Markdown files of the repository.
fn documents(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with('.') && !name.starts_with("target") && name != "node_modules" {
                documents(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// The targets of the links outside code.
fn links(text: &str) -> Vec<&str> {
    let mut links = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        if !in_code {
            links.extend(line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()));
        }
    }
    links
}

/// The anchors that GitHub gives to the headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| -> String {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut files = Vec::new();
    documents(&repository(""), &mut files);
    assert!(files.len() > 6, "{files:?}");
    let mut broken = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains(':')) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            let found = target.exists()
                && (anchor.is_empty()
                    || anchors(&std::fs::read_to_string(&target).unwrap_or_default()).contains(anchor));
            if !found {
                broken.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_path_of_the_newcomers_map_exists() {
    let text = read("CONTRIBUTING.md");
    let named =
        text.lines().filter(|line| line.starts_with("| ")).flat_map(|row| row.split('`').skip(1).step_by(2));
    let paths: Vec<_> = named.filter(|name| name.contains(['/', '.'])).collect();
    assert!(paths.len() > 15, "{paths:?}");
    let missing: Vec<_> = paths.into_iter().filter(|path| !repository(path).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn no_test_skips_in_silence() {
    let allowed = ["tests/it/harness/skip.rs", "tests/it/documents.rs"];
    let sources = rust_files(&["simulator", "src", "tests"]);
    assert!(sources.len() > 100);
    for (name, text) in sources {
        let says = text.lines().find(|line| line.contains("\"SKIPPED") || line.contains("eprintln!(\"skip"));
        assert!(
            allowed.contains(&name.as_str()) || says.is_none(),
            "{name}: skip by `harness::skip`: {says:?}"
        );
    }
}

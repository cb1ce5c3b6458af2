//! What the packages bring beside the program: completions and man pages.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use clap_complete::Shell;
use nbu_exporter::cli;

use crate::harness::{expect, repository, skip};

const PROGRAM: &str = "nbu-exporter";

/// Each shell with the name that it looks for.
const COMPLETIONS: [(Shell, &str); 3] =
    [(Shell::Bash, "nbu-exporter.bash"), (Shell::Fish, "nbu-exporter.fish"), (Shell::Zsh, "_nbu-exporter")];

fn files(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(repository(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_completions_are_the_programs() {
    for (shell, name) in COMPLETIONS {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut cli::definition(), PROGRAM, &mut text);
        // Some lines end in blanks, which editors of this repository take away.
        let text = String::from_utf8(text).unwrap();
        let lines = text.lines().map(|line| format!("{}\n", line.trim_end()));
        // clap_complete 4.6.12 writes a hyphen of the program's name in two ways for bash, so that no flag is completed.
        let lines = lines.map(|line| line.replace("nbu__subcmd__exporter", "nbu__exporter"));
        expect(&format!("packaging/completions/{name}"), &lines.collect::<String>());
    }
    assert_eq!(files("packaging/completions").len(), COMPLETIONS.len());
}

#[test]
fn the_man_pages_are_the_programs_one_for_each_command() {
    let generated = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(cli::definition(), generated.path()).unwrap();
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(generated.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text = fs::read_to_string(generated.path().join(&name)).unwrap();
        expect(&format!("packaging/man/{name}"), &text);
        names.insert(name);
    }
    assert!(names.contains("nbu-exporter.1") && names.contains("nbu-exporter-check-config.1"), "{names:?}");
    assert_eq!(files("packaging/man"), names);
}

#[test]
fn bash_completes_commands_and_flags() {
    let script = format!(
        "source {}
         complete_line() {{ COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
             _nbu__exporter nbu-exporter \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"
             echo \"${{COMPREPLY[*]}}\"; }}
         complete_line nbu-exporter chec
         complete_line nbu-exporter check-config --skip
         complete_line nbu-exporter --log.level ''",
        repository("packaging/completions/nbu-exporter.bash").display()
    );
    let bash = Command::new("bash").args(["--norc", "-c", &script]).stdin(Stdio::null()).output();
    let Ok(output) = bash else { return skip("packages", "bash is missing") };
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        ["check-config", "--skip-references", "error warn info debug trace"],
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

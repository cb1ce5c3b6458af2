//! Loads a configuration from its text and from everything that it refers to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::decoder::{Decoder, Slot};
use super::raw::RawConfig;
use super::report::{Report, Violation};
use super::{Config, Environment, Log, Material, Strictness, valid, yaml};

/// A valid configuration with what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is allowed and probably not meant, sorted by place; a [`Report`] of them displays them with the file.
    pub warnings: Vec<Violation>,
    /// The names of the environment variables that the text refers to.
    pub variables: BTreeSet<String>,
}

/// Checks a text with everything that it refers to, and gives the configuration or all that is wrong with it.
///
/// `file` is how the file is named in the report; its directory is the base of relative paths, exactly as in
/// [`references`].
pub(crate) fn load(file: &Path, material: &Material, strictness: Strictness) -> Result<Loaded, Report> {
    let document = yaml::parse(&material.text).map_err(|violations| Report::new(file, violations))?;
    let mut decoder = Decoder::new(&material.environment, strictness);
    decoder.violations = document.mistakes;
    let raw: Slot<RawConfig> = decoder.node(&document.root);
    let config = raw.get().and_then(|raw| valid::config(raw, directory(file), material, &mut decoder));
    // What no site can be left out for.
    let unclaimed = std::mem::take(&mut decoder.lacks);
    decoder.violations.extend(unclaimed);
    match config {
        Some(config) if decoder.violations.is_empty() => {
            let warnings = Report::new(file, decoder.warnings).violations;
            Ok(Loaded { config, warnings, variables: decoder.variables })
        }
        _ => Err(Report::new(file, decoder.violations)),
    }
}

/// The files that the text names, with `${NAME}` expanded and relative to the directory of `file`. A text that can not
/// be parsed names none; a path that can not be expanded is left out.
pub(crate) fn references(file: &Path, text: &[u8], environment: &Environment) -> BTreeSet<PathBuf> {
    let Some(raw) = skim(text, environment) else { return BTreeSet::new() };
    let listed = raw.nbuservers.get().into_iter().flatten();
    let sites = listed.chain([&raw.nbuserver]).filter_map(Slot::get);
    let paths = sites.flat_map(|site| [&site.api_key_file, &site.ca_file]).filter_map(Slot::get);
    paths.map(|path| directory(file).join(&path.0)).collect()
}

/// The log settings of a text, as far as they can be read from one that is not valid.
pub(crate) fn log(text: &[u8]) -> Log {
    let raw = skim(text, &Environment::default());
    let log = raw.as_ref().and_then(|raw| raw.log.get());
    log.map(|log| Log { level: log.level.get().copied(), format: log.format.get().copied() })
        .unwrap_or_default()
}

fn skim(text: &[u8], environment: &Environment) -> Option<RawConfig> {
    let document = yaml::parse(text).ok()?;
    let mut decoder = Decoder::new(environment, Strictness::SkipReferences);
    let raw: Slot<RawConfig> = decoder.node(&document.root);
    raw.value.ok()
}

fn directory(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

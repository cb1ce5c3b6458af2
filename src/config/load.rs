//! Loads a configuration from its text and from everything that it refers to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::decoder::{Decoder, Location, Slot};
use super::raw::RawConfig;
use super::report::{Report, Violation, one_line};
use super::tree::TextPosition;
use super::{Config, Environment, Files, Log, Material, Strictness, WebConfig, valid, web, yaml};

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
    let config = raw.get().and_then(|raw| {
        let web = web_of(file, raw, material, &mut decoder);
        Some(Config { web, ..valid::config(raw, directory(file), material, &mut decoder)? })
    });
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

/// The web config, if one is named. It is not looked at where references are not checked.
fn web_of(
    file: &Path,
    raw: &RawConfig,
    material: &Material,
    decoder: &mut Decoder<'_>,
) -> Option<Arc<WebConfig>> {
    let (path, location) = named_web_config(file, raw, &material.environment)?;
    if !decoder.checks_references() {
        return None;
    }
    let key = raw.server.get().map(|server| &server.web_config_file).filter(|key| key.get().is_some());
    if let (Some(flag), Some(key)) = (&material.environment.web_config, key)
        && key.get().is_some_and(|key| directory(file).join(&key.0) != *flag)
    {
        decoder.warning(&key.location, "is not used: --web.config.file wins");
    }
    let shown = one_line(&path.display().to_string());
    let loaded = match material.files.get(&path) {
        Some(Ok(text)) => web::load(&path, text, &material.files),
        Some(Err(problem)) => {
            decoder.violation(&location, format!("{shown}: {problem}"));
            return None;
        }
        None => {
            decoder.violation(&location, format!("{shown}: it was not read"));
            return None;
        }
    };
    match loaded {
        Ok(loaded) => {
            for warning in loaded.warnings {
                decoder.warning(&location, format!("{shown}:{warning}"));
            }
            Some(Arc::new(loaded.config))
        }
        Err(violations) => {
            for violation in violations {
                decoder.violation(&location, format!("{shown}:{violation}"));
            }
            None
        }
    }
}

/// The web config's path and what names it: the flag, or the key.
fn named_web_config(file: &Path, raw: &RawConfig, environment: &Environment) -> Option<(PathBuf, Location)> {
    if let Some(flag) = &environment.web_config {
        let location = Location { position: TextPosition::START, path: "--web.config.file".to_owned() };
        return Some((flag.clone(), location));
    }
    let slot = &raw.server.get()?.web_config_file;
    Some((directory(file).join(&slot.get()?.0), slot.location.clone()))
}

/// The files that the text names, with `${NAME}` expanded and relative to the directory of `file`, and those that the web
/// config names, once that is among `files`. A text that can not be parsed names none; a path that can not be expanded is
/// left out.
pub(crate) fn references(
    file: &Path,
    text: &[u8],
    environment: &Environment,
    files: &Files,
) -> BTreeSet<PathBuf> {
    let Some(raw) = skim(text, environment) else { return BTreeSet::new() };
    let web = named_web_config(file, &raw, environment).map(|(path, _)| path);
    let text_of = |path: &PathBuf| files.get(path)?.as_ref().ok();
    let of_web = web.iter().filter_map(|path| Some(web::references(path, text_of(path)?))).flatten();
    let listed = raw.nbuservers.get().into_iter().flatten();
    let sites = listed.chain([&raw.nbuserver]).filter_map(Slot::get);
    let paths = sites.flat_map(|site| [&site.api_key_file, &site.ca_file]).filter_map(Slot::get);
    paths.map(|path| directory(file).join(&path.0)).chain(of_web).chain(web.clone()).collect()
}

/// The files that a web config names.
pub(crate) fn web_references(file: &Path, text: &[u8]) -> BTreeSet<PathBuf> {
    web::references(file, text)
}

/// Checks a web config alone.
pub(crate) fn web_config(file: &Path, text: &[u8], files: &Files) -> Result<WebConfig, Report> {
    let loaded = web::load(file, text, files).map_err(|violations| Report::new(file, violations))?;
    Ok(loaded.config)
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

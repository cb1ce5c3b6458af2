//! The control endpoint of a site, beside its API: faults, version, keys, permissions, storage units, policies, request log.
//!
//! `GET /simulator/state` · `GET /simulator/requests` · `DELETE /simulator/requests` · `GET`, `POST`, `DELETE
//! /simulator/faults` · `DELETE /simulator/faults/{id}` · `POST /simulator/version` · `POST /simulator/keys` ·
//! `POST /simulator/permissions` · `POST /simulator/storage-units` · `POST /simulator/policies`

use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::api::Answer;
use super::fault::Rule;
use super::site::{PolicyChange, Site, State};
use super::storage::Category;

/// How many requests `GET /simulator/requests` lists at most.
const LISTED: usize = 200;

/// Why the control endpoint refused a request.
#[derive(Debug, thiserror::Error)]
enum ControlError {
    #[error("there is no such control endpoint")]
    Unknown,
    #[error("{0}")]
    Body(#[from] serde_json::Error),
    #[error("{0}")]
    Version(#[from] super::version::VersionError),
    #[error("there is no such {0}")]
    Missing(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionChange {
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum KeyChange {
    Replace(Vec<String>),
    Add(String),
    Remove(String),
    /// Milliseconds since the Unix epoch.
    ExpireAt(i64),
    /// A key of another user, which the role sees from then on beside its own.
    #[serde(rename_all = "camelCase")]
    AddForeign {
        user: String,
        expire_at: i64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PermissionChange {
    denied: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum StorageChange {
    Add { name: String, category: Category },
    Remove(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedPolicyChange {
    name: String,
    change: PolicyChange,
}

/// `path` is what follows `/simulator`.
pub(super) fn answer(site: &Site, method: &Method, path: &str, body: &[u8]) -> Answer {
    let (status, value) = match change(site, method, path, body) {
        Ok(value) => (StatusCode::OK, value),
        Err(error) => {
            let status = match error {
                ControlError::Unknown | ControlError::Missing(_) => StatusCode::NOT_FOUND,
                ControlError::Body(_) | ControlError::Version(_) => StatusCode::BAD_REQUEST,
            };
            (status, json!({"error": error.to_string()}))
        }
    };
    Answer::new(status, "application/json", serde_json::to_vec(&value).unwrap_or_default())
}

fn change(site: &Site, method: &Method, path: &str, body: &[u8]) -> Result<Value, ControlError> {
    match (method.as_str(), path) {
        ("GET", "/state") => {}
        ("GET", "/requests") => {
            let log = site.requests();
            return Ok(json!({
                "count": log.count(),
                "mostAtOnce": log.most_at_once(),
                "requests": log.recent(LISTED)
            }));
        }
        ("DELETE", "/requests") => site.requests().clear(),
        ("GET", "/faults") => return Ok(json!({"faults": site.faults().list()})),
        ("POST", "/faults") => {
            return Ok(json!({"id": site.faults().add(read::<Rule>(body)?)}));
        }
        ("DELETE", "/faults") => site.faults().clear(),
        ("DELETE", path) if path.starts_with("/faults/") => {
            let id = path.strip_prefix("/faults/").and_then(|id| id.parse().ok());
            if !id.is_some_and(|id| site.faults().remove(id)) {
                return Err(ControlError::Missing("fault"));
            }
        }
        ("POST", "/version") => {
            site.set_api_version(read::<VersionChange>(body)?.version.parse()?);
        }
        ("POST", "/keys") => match read(body)? {
            KeyChange::Replace(keys) => site.replace_keys(&keys),
            KeyChange::Add(key) => site.add_key(&key),
            KeyChange::Remove(key) => site.remove_key(&key),
            KeyChange::ExpireAt(time) => site.expire_keys_at(time),
            KeyChange::AddForeign { user, expire_at } => site.add_foreign_key(&user, expire_at),
        },
        ("POST", "/permissions") => site.set_denied(read::<PermissionChange>(body)?.denied),
        ("POST", "/storage-units") => match read(body)? {
            StorageChange::Add { name, category } => site.add_storage_unit(&name, category),
            StorageChange::Remove(name) => {
                if !site.remove_storage_unit(&name) {
                    return Err(ControlError::Missing("storage unit"));
                }
            }
        },
        ("POST", "/policies") => {
            let NamedPolicyChange { name, change } = read(body)?;
            if !site.change_policy(&name, change) {
                return Err(ControlError::Missing("policy"));
            }
        }
        _ => return Err(ControlError::Unknown),
    }
    Ok(state(&site.0))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    Ok(serde_json::from_slice(body)?)
}

fn state(state: &State) -> Value {
    json!({
        "name": state.name,
        "serverName": state.server_name,
        "apiVersion": state.api_version().to_string(),
        "release": state.api_version().release(),
        "time": state.clock.now(),
        "basePath": state.base_path,
        "storageUnits": state.storage.names(),
        "faults": state.faults.list()
    })
}

//! What the primary server tells anybody of itself.

use tokio::time::Instant;

use super::contract::{CollectError, Context};
use super::resource::{Resource, Trial, V10_0};
use super::walk::label;
use crate::netbackup::{Client, Error, Field, Get, Text};

/// Needs no key ("NetBackup API reference, /security/serverinfo").
pub(super) const PATH: &str = "/security/serverinfo";

/// For collectors that need to know it and show nothing of it.
pub(super) static ASKED: Resource = Resource::new(PATH, V10_0, &[]).without_key().tried(Trial::Whole);

/// What the primary server tells of itself; what it leaves out is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerInfo {
    /// The primary server's name, as a label value.
    pub(super) name: Option<String>,
    /// Such as `10.5`, as a label value.
    pub(super) release: Option<String>,
    /// By which the primary server is asked for as a host.
    pub(super) host_id: Option<String>,
    pub(super) external_ca: ExternalCa,
    /// Since NetBackup 11.2.
    pub(super) is_frozen: Option<bool>,
}

/// Whether hosts show certificates of an external authority (`externalCaUsage`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ExternalCa {
    /// Only those of NetBackup's own authority.
    #[default]
    Disabled,
    /// Either, depending on both sides.
    Enabled,
    /// Only those of external authorities.
    Enforced,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerInfoRecord<'a> {
    #[serde(borrow, default)]
    server_name: Text<'a>,
    #[serde(borrow, default)]
    nbu_version: Text<'a>,
    #[serde(borrow, default)]
    master_host_id: Text<'a>,
    #[serde(default)]
    external_ca_usage: Field<u64>,
    #[serde(default)]
    freeze_mode_enabled: Field<bool>,
}

impl ServerInfo {
    fn new(record: ServerInfoRecord<'_>, malformed: &mut u64) -> Self {
        Self {
            name: label(record.server_name, malformed),
            release: label(record.nbu_version, malformed),
            host_id: label(record.master_host_id, malformed),
            external_ca: match record.external_ca_usage.take(malformed) {
                None | Some(0) => ExternalCa::Disabled,
                Some(2) => ExternalCa::Enforced,
                Some(_) => ExternalCa::Enabled,
            },
            is_frozen: record.freeze_mode_enabled.take(malformed),
        }
    }
}

impl Context<'_> {
    /// Asks the primary server what it is. Malformed fields are counted.
    pub(super) async fn server_info(&self, malformed: &mut u64) -> Result<ServerInfo, CollectError> {
        Ok(ask(self.client, self.deadline, malformed).await?)
    }
}

async fn ask(client: &Client, deadline: Instant, malformed: &mut u64) -> Result<ServerInfo, Error> {
    let read = |text: &str| {
        let record = crate::netbackup::object::<ServerInfoRecord<'_>>(text)?;
        Ok(ServerInfo::new(record, malformed))
    };
    client.get_with(&Get::new(PATH).without_key(), deadline, read).await
}

/// The server's release, such as `10.5`, if it says one.
pub(crate) async fn release(client: &Client, deadline: Instant) -> Option<String> {
    ask(client, deadline, &mut 0).await.ok()?.release
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Given;
    use super::*;
    use crate::netbackup::fixture::{Answer, Server};

    async fn info(body: &'static str) -> (ServerInfo, u64) {
        let server = Server::start(move |request| match request.path.as_str() {
            "/ping" => Answer::ping("14.0"),
            _ => Answer::json(body),
        })
        .await;
        let given = Given::by(server.client());
        let mut malformed = 0;
        let info = given.context().server_info(&mut malformed).await.unwrap();
        let asked = server.received_at(PATH);
        assert!(asked.iter().all(|request| request.key.is_none()), "it needs no key");
        (info, malformed)
    }

    #[tokio::test]
    async fn numbers_and_flags_come_in_any_form_and_what_is_not_there_is_not_known() {
        let text = r#"{"serverName":"nbu1","nbuVersion":"11.2","masterHostId":"h-1","externalCaUsage":"2","freezeModeEnabled":"TRUE"}"#;
        let expected = ServerInfo {
            name: Some("nbu1".into()),
            release: Some("11.2".into()),
            host_id: Some("h-1".into()),
            external_ca: ExternalCa::Enforced,
            is_frozen: Some(true),
        };
        assert_eq!(info(text).await, (expected, 0));
        let text = r#"{"serverName":null,"nbuVersion":11.2,"masterHostId":{},"externalCaUsage":1.0}"#;
        let expected = ServerInfo { external_ca: ExternalCa::Enabled, ..ServerInfo::default() };
        assert_eq!(info(text).await, (expected, 2));
    }
}

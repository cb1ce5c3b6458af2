//! The hosts that are asked for their services.

use super::super::contract::{CollectError, Context, Diagnostics};
use super::super::resource::{Resource, Trial, V10_0};
use super::super::walk::label;
use crate::netbackup::{DecodeError, Field, Get, Text, each_record};

/// Tells the ids of media servers; the primary server tells its own. The answer has no pages.
pub(super) static HOSTS: Resource =
    Resource::new("/config/hosts", V10_0, &[]).viewed_by("|MANAGE|HOSTS|").tried(Trial::Whole);

/// What the configuration calls the primary server.
const PRIMARY: &str = "primary";
/// The most hosts that are asked, since each is a live call.
const MOST_HOSTS: usize = 50;

/// A host that is asked for its services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceHost {
    pub(super) id: String,
    pub(super) name: String,
}

/// The hosts that the configuration names: without any the primary server, which needs no permission to be found.
pub(super) async fn wanted(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<ServiceHost>, CollectError> {
    let names = &context.collectors.services.options.hosts;
    let info = context.server_info(&mut diagnostics.malformed).await?;
    let is_primary = |name: &String| {
        name.eq_ignore_ascii_case(PRIMARY)
            || info.name.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    let mut hosts = Vec::new();
    if names.is_empty() || names.iter().any(is_primary) {
        let name = info.name.clone().unwrap_or_else(|| PRIMARY.to_owned());
        diagnostics.malformed += u64::from(info.host_id.is_none());
        hosts.extend(info.host_id.clone().map(|id| ServiceHost { id, name }));
    }
    let others: Vec<_> = names.iter().filter(|name| !is_primary(name)).collect();
    if !others.is_empty() {
        let media = async { media_servers(context, diagnostics).await };
        let mut media = context.optional(&HOSTS, media).await?.unwrap_or_default();
        media.retain(|host| others.iter().any(|name| name.eq_ignore_ascii_case(&host.name)));
        hosts.extend(media);
    }
    diagnostics.capped += hosts.len().saturating_sub(MOST_HOSTS) as u64;
    hosts.truncate(MOST_HOSTS);
    Ok(hosts)
}

/// The media servers by name, each once.
async fn media_servers(
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<ServiceHost>, CollectError> {
    let get = Get::new(HOSTS.path).with("filter", "nbuHostType eq 'MEDIA_SERVER'").whole_list();
    let read = |text: &str| {
        let (mut hosts, mut malformed) = (Vec::new(), 0);
        let listed = each_record(text, "hosts", |record: ServiceHostRecord<'_>| {
            // One that is gone stays in the list.
            if record.decommissioned_date_time.take(&mut 0).is_some_and(|time| time > 0) {
                return;
            }
            match (label(record.uuid, &mut malformed), label(record.host_name, &mut malformed)) {
                (Some(id), Some(name)) => hosts.push(ServiceHost { id, name }),
                _ => malformed += 1,
            }
        })?;
        diagnostics.malformed += listed.malformed + malformed;
        hosts.sort_by(|one, other| one.name.cmp(&other.name));
        hosts.dedup_by(|one, other| one.name == other.name);
        Ok::<_, DecodeError>(hosts)
    };
    Ok(context.client.get_with(&get, context.deadline, read).await?)
}

/// A record of `/config/hosts` as it comes.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceHostRecord<'a> {
    #[serde(borrow, default)]
    uuid: Text<'a>,
    #[serde(borrow, default)]
    host_name: Text<'a>,
    #[serde(default)]
    decommissioned_date_time: Field<i64>,
}

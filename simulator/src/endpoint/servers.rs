//! `GET /storage/storage-servers`, `/config/media-servers`, `/config/hosts`, `/admin/hosts/{hostId}/services`.

use http::StatusCode;
use serde_json::{Value, json};

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter::AttributeType::{Boolean, Text};
use crate::filter::{Field, Operators};
use crate::record::field;
use crate::storage::SERVER_FIELDS;
use crate::version::ApiVersion;
use crate::world::{Host, HostKind, ORIGIN};

pub(super) const STORAGE_SERVERS: Endpoint =
    Endpoint::read("/storage/storage-servers", Access::ApiLevel, ApiVersion::new(3, 0), storage_servers);

pub(super) const MEDIA_SERVERS: Endpoint =
    Endpoint::read("/config/media-servers", Access::ApiLevel, ApiVersion::new(4, 0), media_servers);

pub(super) const HOSTS: Endpoint =
    Endpoint::read("/config/hosts", Access::ApiLevel, ApiVersion::new(1, 0), hosts);

pub(super) const SERVICES: Endpoint =
    Endpoint::read("/admin/hosts/{hostId}/services", Access::ApiLevel, ApiVersion::new(4, 0), services);

const STORAGE_SERVER_LIST: List = List { fields: SERVER_FIELDS, largest: 100, form: Form::Full };

const MEDIA_SERVER_LIST: List = List { fields: MEDIA_SERVER_FIELDS, largest: 500, form: Form::Full };

static MEDIA_SERVER_FIELDS: &[Field] = &[
    field("hostName", Text, Operators::All),
    field("osType", Text, Operators::All),
    field("nbuVersion", Text, Operators::None),
    field("dteMode", Text, Operators::None),
];

static HOST_FIELDS: &[Field] = &[
    field("hostName", Text, Operators::Equal),
    field("nbuHostType", Text, Operators::Equality),
    field("isSecureEnabled", Boolean, Operators::Equality),
];

/// Identifier and display name of the services of a primary server.
const DAEMONS: [(&str, &str); 12] = [
    ("nbemm", "NetBackup Enterprise Media Manager"),
    ("nbpem", "NetBackup Policy Execution Manager"),
    ("nbjm", "NetBackup Job Manager"),
    ("nbrb", "NetBackup Resource Broker"),
    ("nbstserv", "NetBackup Storage Lifecycle Manager"),
    ("nbwmc", "NetBackup Web Management Console"),
    ("bprd", "NetBackup Request Daemon"),
    ("bpdbm", "NetBackup Database Manager"),
    ("bpcompatd", "NetBackup Compatibility Service"),
    ("vnetd", "NetBackup Legacy Network Service"),
    ("nbsl", "NetBackup Service Layer"),
    ("ltid", "NetBackup Device Manager"),
];

fn storage_servers(call: &Call<'_>) -> Result<Reply, ApiError> {
    let minimal = call.query.get("fieldset[storageServer]")? == Some("minimal");
    listing::by_offset(call, &STORAGE_SERVER_LIST, call.site.storage.servers(call.now, minimal))
}

/// The reference names the attributes; the schema of this answer is in no file of the later releases. The third media
/// server is down in a bad night, and the last one does not say whether it is up.
fn media_servers(call: &Call<'_>) -> Result<Reply, ApiError> {
    let world = &call.site.world;
    let servers = world.hosts.iter().filter(|host| host.kind == HostKind::Media);
    let last = world.scenario.media_servers();
    let entry = |(number, host): (i64, &Host)| {
        let down = world.scenario.is_bad() && number == 3;
        let mut attributes = json!({
            "hostName": host.name,
            "nbuVersion": call.site.api_version().release(),
            "osType": host.os,
            "status": {"name": if down { "OFFLINE" } else { "ACTIVE_FOR_TAPE_AND_DISK" }},
            "dteMode": "OFF",
            "clusterName": null,
            "fiberTransportEnabled": false
        });
        if let (Some(attributes), true) = (attributes.as_object_mut(), number != last) {
            attributes.insert("isMachineUp".into(), Value::Bool(!down));
        }
        json!({
            "type": "mediaServer",
            "id": host.name,
            "links": {"self": {"href": format!("/config/media-servers/{}", host.name)}},
            "attributes": attributes
        })
    };
    listing::by_offset(call, &MEDIA_SERVER_LIST, (1..).zip(servers).map(entry).collect())
}

/// All hosts of the domain in one answer.
fn hosts(call: &Call<'_>) -> Result<Reply, ApiError> {
    let data = call.site.world.hosts.iter().map(|host| json!({"attributes": host_record(call, host)}));
    let hosts: Vec<_> = listing::selected(call, data.collect(), HOST_FIELDS)?
        .into_iter()
        .filter_map(|mut item| item.get_mut("attributes").map(Value::take))
        .collect();
    Reply::json(&json!({"hosts": hosts}))
}

fn host_record(call: &Call<'_>, host: &Host) -> Value {
    let release = call.site.api_version().release();
    let mut record = json!({
        "uuid": host.id,
        "hostName": host.name,
        "osType": if host.os.starts_with("Win") { "Windows" } else { "Linux" },
        "osVersion": host.os,
        "osReleaseVersion": "",
        "cpuArchitecture": "x86_64",
        "masterServer": call.site.server_name,
        "installedEEBs": "",
        "installedPackages": "",
        "nbuVersion": format!("{}0000", release.replace('.', "")),
        "nbuReleaseVersion": format!("NetBackup_{release}"),
        "nbuHostType": match host.kind {
            HostKind::Primary => "PRIMARY_SERVER",
            HostKind::Media => "MEDIA_SERVER",
            HostKind::Client => "CLIENT",
        },
        "hwDescription": "",
        "vxUpdatePlatform": "redhat_x64",
        "isSecureEnabled": true,
        "autoReissue": false,
        "autoReissueDuration": 0,
        "externalCertificateSubject": "",
        "hasNetBackupCaHostCertificate": true,
        "servers": [call.site.server_name],
        "comment": "",
        "hostMappings": [],
        "trustVersion": "1",
        "createdDateTime": ORIGIN,
        "lastUpdatedDateTime": call.now - call.now.rem_euclid(86_400_000),
        "machineType": "VIRTUAL",
        "hypervisorType": "VMWARE",
        "machineNbuType": "NOT_DEFINED",
        "dteClientMode": "OFF"
    });
    if let (Some(record), true) = (record.as_object_mut(), call.version >= ApiVersion::new(13, 0)) {
        record.insert("fipsEnabled".into(), "DISABLED".into());
    }
    record
}

/// In a bad night the service that starts the policies stands still on the primary server. A client that is older than
/// NetBackup 8.2 can not be asked: every seventh one.
fn services(call: &Call<'_>) -> Result<Reply, ApiError> {
    let world = &call.site.world;
    let (index, host) = (0_usize..)
        .zip(&world.hosts)
        .find(|(_, host)| host.id == call.parameter)
        .ok_or_else(|| ApiError::of(StatusCode::NOT_FOUND))?;
    if host.kind == HostKind::Client && index % 7 == 6 {
        return Err(ApiError::of(StatusCode::NOT_IMPLEMENTED));
    }
    let daemons = DAEMONS.iter().filter(|(id, _)| {
        host.kind == HostKind::Primary || matches!(*id, "nbrb" | "vnetd" | "ltid" | "nbsl" | "bpcompatd")
    });
    let entry = |(id, display): &(&str, &str)| {
        let status = match *id {
            "nbpem" if world.scenario.is_bad() => "STOPPED",
            "ltid" if host.kind == HostKind::Client => "DISABLED",
            _ => "RUNNING",
        };
        json!({
            "type": "service",
            "id": id,
            "attributes": {"displayName": display, "status": status, "access": [1, 1, 1]}
        })
    };
    Reply::json(&json!({"data": daemons.map(entry).collect::<Vec<_>>()}))
}

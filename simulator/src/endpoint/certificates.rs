//! `GET /security/certificate-authorities`, `/security/certificates/current`, `/config/hosts-certificate-mappings`.

use serde_json::{Value, json};

use super::listing::{self, Form, List};
use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::filter::AttributeType::{Text, Time};
use crate::filter::{Field, Operators};
use crate::iso::DateTime;
use crate::record::{field, field_at};
use crate::version::ApiVersion;
use crate::world::{DAY, Host, HostKind, ORIGIN, World};

pub(super) const AUTHORITIES: Endpoint =
    Endpoint::read("/security/certificate-authorities", Access::Open, ApiVersion::new(6, 0), authorities);

pub(super) const CURRENT: Endpoint =
    Endpoint::read("/security/certificates/current", Access::ApiLevel, ApiVersion::new(1, 0), current);

pub(super) const MAPPINGS: Endpoint =
    Endpoint::read("/config/hosts-certificate-mappings", Access::ApiLevel, ApiVersion::new(13, 0), mappings);

static AUTHORITY_FIELDS: &[Field] = &[field_at("state", "nbcaCertDetails/state", Text, Operators::Equal)];

static MAPPING_FIELDS: &[Field] = &[
    field("hostName", Text, Operators::All),
    field("nbuCertificateState", Text, Operators::Equality),
    field("externalCertNotValidAfter", Time, Operators::Ordered),
];

const AUTHORITY_LIST: List = List { fields: AUTHORITY_FIELDS, largest: 100, form: Form::Full };

/// The reference names no limit.
const MAPPING_LIST: List = List { fields: MAPPING_FIELDS, largest: 100_000, form: Form::Full };

const YEAR: i64 = 365 * DAY;

fn authorities(call: &Call<'_>) -> Result<Reply, ApiError> {
    let authority = |state: &str, serial: i64, from: i64, until: i64| {
        json!({
            "type": "netbackupCADetails",
            "links": {"self": {"href": format!("/security/certificate-authorities/{serial}")}},
            "attributes": {"nbcaCertDetails": {
                "subjectCN": "nbatd",
                "subjectOU": format!("root@{}", call.site.server_name),
                "subjectName": format!("CN=nbatd,OU=root@{},O=vx", call.site.server_name),
                "keySize": 2048,
                "serialNumber": serial,
                "notBefore": DateTime(from).to_string(),
                "notAfter": DateTime(until).to_string(),
                "state": state,
                "fingerprint": format!("{serial:040x}"),
                "sha-256Fingerprint": format!("{serial:064x}")
            }}
        })
    };
    // An authority lives for 20 years; in a disaster nobody has thought of the next one.
    let until = if call.site.world.scenario.is_disaster() { call.now + 90 * DAY } else { ORIGIN + 18 * YEAR };
    let data = vec![
        authority("ACTIVE", 11, until - 20 * YEAR, until),
        authority("DECOMMISSIONED", 7, ORIGIN - 12 * YEAR, ORIGIN - 2 * YEAR),
    ];
    listing::by_offset(call, &AUTHORITY_LIST, data)
}

/// What is left of a certificate whose host could not renew it: in a bad night the second media server for long, in a disaster the first
/// one for some weeks.
fn unrenewed(world: &World, host: &Host) -> Option<i64> {
    let is_media = |number| host.name == world.media_server(number);
    match world.scenario {
        scenario if scenario.is_bad() && is_media(2) => Some(20 * DAY),
        scenario if scenario.is_disaster() && is_media(1) => Some(100 * DAY),
        _ => None,
    }
}

/// The whole database in one answer.
fn current(call: &Call<'_>) -> Result<Reply, ApiError> {
    let world = &call.site.world;
    let entry = |(serial, host): (i64, &Host)| {
        let (from, until) = host.certificate(call.now, unrenewed(world, host));
        let mut record = json!({
            "certificateKey": serial,
            "hostId": host.id,
            "hostName": host.name,
            "serialNumber": serial + 1_000,
            "notBefore": from,
            "notAfter": until,
            "tokenType": 0,
            "state": 1,
            "publicKey": "-----BEGIN PUBLIC KEY-----",
            "keySize": 2048,
            "revocationReason": 0,
            "hostType": if host.kind == HostKind::Client { 2 } else { 1 },
            "createOn": from,
            "updatedOn": from
        });
        if let (Some(record), true) = (record.as_object_mut(), call.version >= ApiVersion::new(13, 0)) {
            record.insert("isCertDeleted".into(), false.into());
        }
        record
    };
    let list: Vec<_> = (1..).zip(&world.hosts).map(entry).collect();
    Reply::json(&json!({"certificateList": list}))
}

/// It has no date for the certificates of NetBackup's own authority; the simulated domain uses no other.
fn mappings(call: &Call<'_>) -> Result<Reply, ApiError> {
    let entry = |host: &Host| -> Value {
        json!({
            "type": "hostCertificateDetails",
            "id": host.id,
            "links": {"self": {"href": format!("/config/hosts/{}", host.id)}},
            "attributes": {
                "hostName": host.name,
                "nbuVersion": 1_100_000,
                "nbuVersionDisplayString": "NetBackup_11.0",
                "nbuCertificateState": "ACTIVE",
                "hostCreatedDateTime": DateTime(ORIGIN).to_string(),
                "hostLastUpdatedDateTime": DateTime(ORIGIN).to_string()
            }
        })
    };
    listing::by_offset(call, &MAPPING_LIST, call.site.world.hosts.iter().map(entry).collect())
}

//! The images in the catalog: what backups leave behind, computed from the jobs, and kept for longer than these.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::record::Job;
use super::schedule::{DAY, Role};
use super::{JobDatabase, outcome};
use crate::draw::Draw;
use crate::filter::{self, AttributeType, Expression, Field, Operator, Operators, Record};
use crate::iso::DateTime;
use crate::locked;
use crate::record::field;
use crate::version::ApiVersion;
use crate::world::{Policy, World};

/// Images are kept for a while that is independent of the jobs that made them.
const RETENTION: i64 = 60 * DAY;

use AttributeType::{Integer, Text, Time};

/// The filters of each release; there is no sort (NetBackup API reference, `GET /catalog/images`).
const COMMON: [Field; 8] = [
    field("backupTime", Time, Operators::Ordered),
    field("policyName", Text, Operators::Text),
    field("clientName", Text, Operators::Equal),
    field("policyType", Text, Operators::Equal),
    field("scheduleType", Text, Operators::Equal),
    field("backupId", Text, Operators::Equal),
    field("streamNumber", Integer, Operators::Equal),
    field("malwareScanResult", Text, Operators::Equal),
];

static FIELDS_OLD: &[Field] = &COMMON;
static FIELDS_10_5: &[Field] = &{
    let [a, b, c, d, e, f, g, h] = COMMON;
    [a, b, c, d, e, f, g, h, field("anomalyStatus", Text, Operators::Equal)]
};
static FIELDS_11_0: &[Field] = &{
    let [a, b, c, d, e, f, g, h] = COMMON;
    [
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        field("anomalyStatus", Text, Operators::Equal),
        field("malwareStatus", Text, Operators::Equal),
    ]
};

/// What a version of the API filters images by.
pub(crate) fn fields(version: ApiVersion) -> &'static [Field] {
    if version >= ApiVersion::new(13, 0) {
        FIELDS_11_0
    } else if version >= ApiVersion::new(12, 0) {
        FIELDS_10_5
    } else {
        FIELDS_OLD
    }
}

/// One image.
pub(crate) struct Image<'a> {
    job: Job<'a>,
}

impl JobDatabase {
    /// Number of the images that a filter selects, and one page of them. Without a bound on the time of the backup it is
    /// that of the last 24 hours.
    pub(crate) fn images(
        &self,
        filter: Option<&Expression>,
        offset: usize,
        limit: usize,
    ) -> (Vec<Image<'_>>, usize) {
        let now = self.clock.now();
        let mut bounds = ImageBounds::default();
        if let Some(filter) = filter {
            bounds.narrow(filter);
        }
        let (from, until) = match (bounds.from, bounds.until) {
            (None, None) => (now - DAY, now),
            (from, until) => (from.unwrap_or(0), until.unwrap_or(now)),
        };
        let first = self.schedule.first_at(from.max(now - RETENTION));
        let behind = self.schedule.first_at(until.min(now).saturating_add(1));
        let (mut page, mut count) = (Vec::new(), 0);
        let numbers: Box<dyn Iterator<Item = i64>> = match bounds.owners(self.schedule.world()) {
            Some(owners) => {
                let is_wanted = |policy: &str| owners.contains(policy);
                let today = now.div_euclid(DAY);
                let mut index = locked(&self.owners);
                Box::new(index.numbers(&self.schedule, first..behind, today, is_wanted).into_iter())
            }
            None => Box::new(first..behind),
        };
        for number in numbers {
            let image = Image { job: Job::new(self, number, now) };
            if image.exists() && filter.is_none_or(|filter| filter.matches(&image)) {
                if count >= offset && page.len() < limit {
                    page.push(image);
                }
                count += 1;
            }
        }
        (page, count)
    }
}

/// What a filter rules out without computing an image.
#[derive(Default)]
struct ImageBounds<'a> {
    from: Option<i64>,
    until: Option<i64>,
    policy: Option<&'a str>,
    client: Option<&'a str>,
}

impl<'a> ImageBounds<'a> {
    fn narrow(&mut self, filter: &'a Expression) {
        let test = match filter {
            Expression::All(parts) => return parts.iter().for_each(|part| self.narrow(part)),
            Expression::Test(test) => test,
            Expression::Any(_) | Expression::Not(_) => return,
        };
        match (test.field.name, &test.literal, test.operator) {
            ("backupTime", filter::Value::Integer(time), Operator::Greater | Operator::GreaterOrEqual) => {
                self.from = Some(*time);
            }
            ("backupTime", filter::Value::Integer(time), Operator::Less | Operator::LessOrEqual) => {
                self.until = Some(*time);
            }
            ("policyName", filter::Value::Text(name), Operator::Equal) if test.is_plain() => {
                self.policy = Some(name.as_ref());
            }
            ("clientName", filter::Value::Text(name), Operator::Equal) if test.is_plain() => {
                self.client = Some(name.as_ref());
            }
            _ => {}
        }
    }
}

impl ImageBounds<'_> {
    /// The policies whose images can be meant; `None` for all.
    fn owners<'w>(&self, world: &'w World) -> Option<HashSet<&'w str>> {
        if self.policy.is_none() && self.client.is_none() {
            return None;
        }
        let is_meant = |policy: &&Policy| {
            self.policy.is_none_or(|name| policy.name == name)
                && self.client.is_none_or(|name| policy.clients.iter().any(|client| client == name))
        };
        Some(world.policies.iter().filter(is_meant).map(|policy| policy.name.as_str()).collect())
    }
}

impl Image<'_> {
    /// Only good and partial backups leave images, and not the parent of several streams.
    fn exists(&self) -> bool {
        let profile = self.job.profile();
        self.job.is_done()
            && profile.status <= 1
            && matches!(profile.job_type, "BACKUP" | "DBBACKUP")
            && !matches!(self.job.timeline.role, Role::Parent { .. })
            && profile.policy.is_some()
    }

    fn draw(&self) -> Draw {
        Draw::new(self.job.database.schedule.world().seed, self.job.timeline.number * 8 + 6)
    }

    fn backup_time(&self) -> i64 {
        self.job.timeline.start
    }

    fn id(&self) -> String {
        format!("{}_{}", self.job.client(), self.backup_time() / 1_000)
    }

    fn schedule_type(&self) -> &'static str {
        outcome::image_schedule(self.job.profile().schedule_type)
    }

    /// The newest images of a bad night are infected.
    fn malware(&self) -> &'static str {
        let bad = self.job.database.schedule.world().scenario.is_bad();
        match self.draw().below(200) {
            0 | 1 if bad => "IMPACTED",
            0..=59 => "CLEAN",
            _ => "NOT_SCANNED",
        }
    }

    fn malware_status(&self) -> &'static str {
        match self.malware() {
            "IMPACTED" => "INFECTION_DETECTED_BY_MALWARE_SCAN",
            other => other,
        }
    }

    fn anomaly(&self) -> &'static str {
        match self.draw().below(300) {
            0 => "ANOMALOUS",
            1 => "NOT_REVIEWED",
            2..=9 => "NOT_PROCESSED",
            _ => "NOT_ANOMALOUS",
        }
    }

    /// An image that is kept for ever has the end of all times.
    pub(crate) fn to_json(&self, version: ApiVersion) -> Value {
        let profile = self.job.profile();
        let (time, end) = (self.backup_time(), self.job.timeline.end);
        let id = self.id();
        let world = self.job.database.schedule.world();
        let policy = profile.policy;
        let slp = policy.and_then(|policy| world.slp_of(policy));
        let never = "2038-01-19T03:14:07.000Z";
        let mut attributes = Map::new();
        let mut insert = |values: Value| {
            if let Value::Object(values) = values {
                attributes.extend(values);
            }
        };
        insert(json!({
            "policyType": policy.map_or("", |policy| policy.workload.policy_spelling),
            "clientName": self.job.client(),
            "policyName": self.job.policy(),
            "backupCopyType": "DEFAULT",
            "backupTime": DateTime(time).to_string(),
            "backupStatus": profile.status,
            "blockIncrementalFullTime": DateTime(0).to_string(),
            "clientCharset": 0,
            "compression": false,
            "contentFile": format!("{id}_FULL.f"),
            "contentFileSize": (profile.files * 120).to_string(),
            "contentFileCompressed": "NOT",
            "creator": "root",
            "dataClassification": "",
            "drMediaList": [],
            "elapsedTimeSeconds": (end - time) / 1_000,
            "encryption": "NONE",
            "expiration": DateTime(time + RETENTION).to_string(),
            "extendedSecurityInfo": false,
            "fileSystemOnly": false,
            "imageDumpLevel": 0,
            "imageType": "NORMAL"
        }));
        insert(json!({
            "jobId": self.job.id(),
            "kbytes": profile.kilobytes,
            "keyword": "",
            "kbytesDataTransferred": profile.kilobytes / 10,
            "mpx": false,
            "numCopies": if slp.is_some() { 2 } else { 1 },
            "numFiles": profile.files,
            "numberFragments": 1,
            "originMasterServer": "",
            "pfiType": 0,
            "primaryCopy": 1,
            "providerGeneratedId": "",
            "proxyClient": "",
            "remoteExpirationDate": DateTime(0).to_string(),
            "retentionLevel": 1,
            "scheduleName": profile.schedule_name,
            "scheduleType": self.schedule_type(),
            "slpVersion": i64::from(slp.is_some()),
            "slpCompleted": i64::from(slp.is_some()),
            "slpName": slp.map_or("", |slp| slp.name.as_str()),
            "tirExpirationDate": never,
            "version": 17,
            "vmType": "NONE",
            "malwareScanResult": self.malware(),
            "streamNumber": 0,
            "streamAggregatedKbytes": 0,
            "streamAggregatedFiles": 0
        }));
        if version >= ApiVersion::new(12, 0) {
            insert(json!({"anomalyStatus": self.anomaly(), "anomalyScore": 0.0}));
        }
        if version >= ApiVersion::new(13, 0) {
            insert(json!({"malwareStatus": self.malware_status()}));
        }
        json!({
            "type": "image",
            "id": id,
            "links": {"self": {"href": format!("/catalog/images/{id}")}},
            "attributes": attributes
        })
    }
}

impl Record for Image<'_> {
    fn value(&self, field: &'static Field) -> filter::Value<'_> {
        use filter::Value;
        match field.attribute {
            "backupTime" => Value::Integer(self.backup_time()),
            "policyName" => Value::Text(self.job.policy()),
            "clientName" => Value::text(self.job.client()),
            "policyType" => {
                let policy = self.job.profile().policy;
                policy.map_or(Value::Absent, |policy| Value::text(policy.workload.policy_spelling))
            }
            "scheduleType" => Value::text(self.schedule_type()),
            "backupId" => Value::Text(self.id().into()),
            "streamNumber" => Value::Integer(0),
            "malwareScanResult" => Value::text(self.malware()),
            "malwareStatus" => Value::text(self.malware_status()),
            "anomalyStatus" => Value::text(self.anomaly()),
            _ => Value::Absent,
        }
    }
}

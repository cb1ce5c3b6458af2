//! What `/admin/jobs` can be filtered and sorted by (NetBackup API reference, `GET /admin/jobs`).

use super::record::Job;
use crate::filter::{AttributeType, Field, Operators, Record, Value};

/// Filterable and sortable under the name of the attribute.
const fn both(name: &'static str, kind: AttributeType, operators: Operators) -> Field {
    renamed(name, name, kind, operators)
}

const fn renamed(
    name: &'static str,
    attribute: &'static str,
    kind: AttributeType,
    operators: Operators,
) -> Field {
    Field { name, attribute, kind, operators, sortable: true }
}

const fn sort_only(name: &'static str, attribute: &'static str, kind: AttributeType) -> Field {
    renamed(name, attribute, kind, Operators::None)
}

const fn code(name: &'static str, names: &'static [&'static str]) -> Field {
    both(name, AttributeType::Code(names), Operators::Equality)
}

use AttributeType::{Duration, Float, Integer, Text, Time};
use Operators::{Equality, Ordered};

/// `policyName eq` is not documented, but is used by published scripts.
pub(crate) static FIELDS: &[Field] = &[
    both("jobId", Integer, Ordered),
    both("parentJobId", Integer, Ordered),
    both("clientName", Text, Operators::Text),
    both("endTime", Time, Ordered),
    both("startTime", Time, Ordered),
    both("lastUpdateTime", Time, Ordered),
    both("state", Text, Equality),
    both("status", Integer, Ordered),
    both("jobType", Text, Equality),
    both("policyName", Text, Operators::Text),
    both("policyType", Text, Equality),
    both("restoreBackupIDs", Text, Operators::Text),
    both("assetID", Text, Equality),
    both("backupId", Text, Equality),
    both("assetDisplayableName", Text, Operators::Text),
    both("workloadDisplayName", Text, Operators::Text),
    both("destinationStorageUnitName", Text, Equality),
    both("destinationMediaId", Text, Equality),
    code("applicationType", &["NONE", "VMWARE", "HYPERV", "VXVI", "HYPERSCALE", "RHV", "AHV"]),
    both("dteMode", Text, Equality),
    both("jobPath", Text, Operators::Text),
    both("destinationMediaServerName", Text, Operators::Text),
    both("sourceMediaServerName", Text, Operators::Text),
    both("scheduleName", Text, Operators::Text),
    both("transferRate", Integer, Ordered),
    both("kilobytesTransferred", Integer, Ordered),
    both("activeTryStartTime", Time, Ordered),
    both("jobOwner", Text, Equality),
    both("dedupRatio", Float, Ordered),
    both("acceleratorOptimization", Float, Ordered),
    both("activeProcessId", Integer, Ordered),
    both("try", Integer, Ordered),
    sort_only("tryField", "try", Integer),
    code(
        "dataMovement",
        &[
            "STANDARD",
            "INSTANTRECOVERYDISK",
            "INSTANTRECOVERYDISKANDTAPE",
            "SYNTHETIC",
            "DISKSTAGING",
            "SNAPSHOT",
        ],
    ),
    both("numberOfFiles", Integer, Ordered),
    both("instanceDatabaseName", Text, Equality),
    code("offHostType", &["STANDARD", "ATLCLIENT", "TPC", "MEDIASERVER", "NAS", "NDMP"]),
    both("priority", Integer, Ordered),
    both("profileName", Text, Equality),
    both("robotName", Text, Equality),
    both("sessionId", Integer, Ordered),
    code("transportType", &["LAN", "FAT"]),
    both("vaultName", Text, Equality),
    both("percentComplete", Integer, Ordered),
    both("copyNumber", Integer, Ordered),
    both("currentOperation", Integer, Equality),
    renamed("qReasonCode", "jobQueueReason", Integer, Equality),
    renamed("qResource", "jobQueueResource", Text, Equality),
    both("numberOfTapeToEject", Integer, Ordered),
    both("dumpHost", Text, Equality),
    both("currentFile", Text, Equality),
    both("activeElapsedTime", Duration, Ordered),
    both("elapsedTime", Duration, Ordered),
    sort_only("frozenImage", "frozenImage", Integer),
    sort_only("assetNamespace", "assetNamespace", Text),
    sort_only("scheduleType", "scheduleType", Text),
    sort_only("jobSubType", "jobSubType", Text),
    sort_only("estimatedFiles", "estimatedFiles", Integer),
    sort_only("mainProcessId", "mainProcessId", Integer),
    sort_only("controlHost", "controlHost", Text),
    sort_only("jobGroup", "jobGroup", Text),
    sort_only("sourceMediaId", "sourceMediaId", Text),
    sort_only("sourceStorageUnitName", "sourceStorageUnitName", Text),
    sort_only("streamNumber", "streamNumber", Integer),
    sort_only("retention", "retentionLevel", Integer),
    sort_only("compression", "compression", Integer),
    sort_only("kilobytesToTransfer", "kilobytesToTransfer", Integer),
    sort_only("restartable", "restartable", Integer),
    sort_only("suspendable", "suspendable", Integer),
    sort_only("resumable", "resumable", Integer),
    sort_only("killable", "cancellable", Integer),
    sort_only("submissionType", "submissionType", Integer),
    sort_only("auditUserName", "auditUserName", Text),
    sort_only("auditDomainName", "auditDomainName", Text),
    sort_only("auditDomainType", "auditDomainType", Integer),
    sort_only("kilobytesDataTransferred", "kilobytesDataTransferred", Integer),
    sort_only("dedupSpaceRatio", "dedupSpaceRatio", Float),
    sort_only("compressionSpaceRatio", "compressionSpaceRatio", Float),
    sort_only("childCount", "childCount", Integer),
    sort_only("cursorValue", "jobId", Integer),
    sort_only("providerGeneratedId", "jobId", Integer),
];

impl Record for Job<'_> {
    fn value(&self, field: &'static Field) -> Value<'_> {
        match field.attribute {
            "jobId" => Value::Integer(self.id()),
            "parentJobId" => Value::Integer(self.parent()),
            "startTime" => Value::Integer(self.timeline.start),
            "endTime" => self.end().map_or(Value::Absent, Value::Integer),
            "lastUpdateTime" => Value::Integer(self.updated()),
            "state" => Value::text(self.state()),
            "status" if self.is_done() => Value::Integer(self.profile().status),
            "status" => Value::Absent,
            "jobType" => Value::text(self.profile().job_type),
            "policyType" => {
                self.profile().policy.map_or(Value::Absent, |policy| Value::text(policy.workload.policy_type))
            }
            "policyName" => Value::Text(self.policy()),
            "clientName" => Value::text(self.client()),
            attribute => Value::of_json(field, self.json().get(attribute)),
        }
    }
}

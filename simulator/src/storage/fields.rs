//! What storage units and disk pools can be filtered and sorted by (NetBackup API reference, `/storage/…`).

use crate::filter::{AttributeType, Field, Operators};
use crate::record::field;

use AttributeType::{Boolean, Integer, Text};
use Operators::{All, Equality, None, Ordered};

pub(crate) static UNIT_FIELDS: &[Field] = &[
    field("name", Text, All),
    field("storageServerType", Text, All),
    field("storageCategory", Text, Operators::Text),
    field("storageType", Text, Operators::Text),
    field("storageSubType", Text, Operators::Text),
    field("useWorm", Boolean, Equality),
    field("wormCapable", Boolean, Equality),
    field("accelerator", Boolean, Equality),
    field("replicationCapable", Boolean, Equality),
    field("replicationSourceCapable", Boolean, Equality),
    field("replicationTargetCapable", Boolean, Equality),
    field("instantAccessEnabled", Boolean, Equality),
    field("snapshot", Boolean, Equality),
    field("mirror", Boolean, Equality),
    field("independent", Boolean, Equality),
    field("primary", Boolean, Equality),
    field("scaleOutEnabled", Boolean, Equality),
    field("isCloudSTU", Boolean, Equality),
    field("robotType", Text, Equality),
    field("robotNumber", Integer, Ordered),
    field("density", Text, Equality),
    field("multiplexing", Integer, Ordered),
    field("path", Text, All),
    field("ndmpHost", Text, All),
    field("enableBlockSharing", Boolean, Equality),
    field("transferThrottle", Integer, Ordered),
    field("fileSystemExport", Boolean, Equality),
    field("useAnyAvailableMediaServer", Boolean, None),
    field("freeCapacityBytes", Integer, None),
    field("totalCapacityBytes", Integer, None),
    field("usedCapacityBytes", Integer, None),
    field("maxFragmentSizeMegabytes", Integer, None),
    field("maxConcurrentJobs", Integer, None),
    field("maxConcurrentDrives", Integer, None),
    field("onDemandOnly", Boolean, None),
];

pub(crate) static POOL_FIELDS: &[Field] = &[
    field("name", Text, All),
    field("sType", Text, All),
    field("storageCategory", Text, Operators::Text),
    field("wormCapable", Boolean, Equality),
    field("highWaterMark", Integer, None),
    field("lowWaterMark", Integer, None),
    field("diskPoolState", Text, None),
    field("rawSizeBytes", Integer, None),
    field("usableSizeBytes", Integer, None),
    field("availableSpaceBytes", Integer, None),
    field("usedCapacityBytes", Integer, None),
    field("maximumIoStreams", Integer, None),
];

pub(crate) static SERVER_FIELDS: &[Field] = &[
    field("name", Text, All),
    field("sType", Text, All),
    field("storageCategory", Text, Operators::Text),
    field("storageServerState", Text, None),
    field("encryptionEnabled", Boolean, None),
];

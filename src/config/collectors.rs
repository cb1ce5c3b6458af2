//! The collectors as data: one line of the table makes the id, the section of the file and the settings of a collector.

use std::time::Duration;

use super::collector_words::{ClientExport, TapeMedia};
use super::decoder::{Decode, Decoder, NoValue, Slot};
use super::key::{Key, Shape};
use super::number::BoundedCount;
use super::scalar::{AlwaysOn, AnyText, BoundedDuration, Flag};
use super::section::section;
use super::setting::Setting;
use super::tree::Node;

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;

/// What the file says of one collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorSettings<O> {
    /// `collectors.NAME.enabled`.
    pub enabled: bool,
    /// `collectors.NAME.interval`; without it `server.collectionInterval` counts.
    pub interval: Option<Duration>,
    /// The further keys.
    pub options: O,
}

/// Declares the section of one collector.
macro_rules! collector_section {
    ((always) $interval:tt $options:tt) => {
        collector_section!(@interval AlwaysOn, "true", ["Whether the collector runs; it always does."], $interval $options);
    };
    ((on) $interval:tt $options:tt) => {
        collector_section!(@interval Flag, "true", ["Whether the collector runs."], $interval $options);
    };
    ((off) $interval:tt $options:tt) => {
        collector_section!(@interval Flag, "false", ["Whether the collector runs."], $interval $options);
    };
    (@interval $flag:ident, $enabled:literal, $about:tt, (collectionInterval) $options:tt) => {
        collector_section!(
            @section $flag, $enabled, $about,
            ["The time between two runs; without it `server.collectionInterval`."], () $options
        );
    };
    (@interval $flag:ident, $enabled:literal, $about:tt, ($default:literal) $options:tt) => {
        collector_section!(@section $flag, $enabled, $about, ["The time between two runs."], (or $default) $options);
    };
    (@section $flag:ident, $enabled:literal, [$about:literal], [$doc:literal], ($($default:tt)*) { $($option:tt)* }) => {
        section! {
            /// One collector.
            Section {
                #[doc = $about]
                enabled: $flag = "enabled" or $enabled;
                #[doc = $doc]
                interval: BoundedDuration<SECOND, { 7 * DAY }> = "interval" $($default)*;
                $($option)*
            }
        }
    };
}

/// Whether the switch of a line says that the collector can not be turned off.
macro_rules! always_runs {
    (always) => {
        true
    };
    ($($switch:ident)*) => {
        false
    };
}

/// Whether the switch of a line says that the collector runs where the file does not say so.
macro_rules! runs_by_default {
    (always) => {
        true
    };
    (on) => {
        true
    };
    ($($switch:ident)*) => {
        false
    };
}

/// Declares the collectors. Of each: what it is about, its id, its field, its key, its switch (`always`, `on` or `off`), its interval, and its further keys.
macro_rules! collectors {
    ($(
        $(#[doc = $about:literal])*
        $id:ident $field:ident = $key:literal ($($switch:tt)*) $interval:tt
        { $($(#[doc = $doc:literal])* $option:ident: $type:ty = $name:literal $(or $default:literal)?;)* }
    )*) => {
        /// A collector. As a text it is the value of the `collector` label.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray)]
        #[strum(serialize_all = "snake_case")]
        pub enum CollectorId {
            $($(#[doc = $about])* $id,)*
        }

        impl CollectorId {
            /// The key of its section under `collectors`.
            pub fn key(self) -> &'static str {
                match self { $(Self::$id => $key,)* }
            }

            /// Whether it can not be turned off.
            pub fn always_runs(self) -> bool {
                match self { $(Self::$id => always_runs!($($switch)*),)* }
            }

            /// Whether it runs where the file does not say so.
            pub fn runs_by_default(self) -> bool {
                match self { $(Self::$id => runs_by_default!($($switch)*),)* }
            }
        }

        $(
            pub(super) mod $field {
                #[allow(unused_imports, reason = "not every collector has further keys")]
                use super::*;

                collector_section!(
                    ($($switch)*) $interval
                    { $($(#[doc = $doc])* $option: $type = $name $(or $default)?;)* }
                );

                /// The further keys of the collector.
                #[derive(Clone, Debug, PartialEq)]
                #[allow(private_interfaces, reason = "the values are of public types that the table names by how they are read")]
                pub struct Options {
                    $($(#[doc = $doc])* pub $option: <$type as Setting>::Value,)*
                }
            }
        )*

        section! {
            /// The collectors.
            RawCollectors {
                $($(#[doc = $about])* $field: $field::Section = $key or "{}";)*
            }
        }

        /// Which collectors run and how often, for all sites.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Collectors {
            $($(#[doc = $about])* pub $field: CollectorSettings<$field::Options>,)*
        }

        impl RawCollectors {
            /// The settings, if each of them has a value.
            pub(super) fn settings(&self) -> Option<Collectors> {
                Some(Collectors {
                    $($field: {
                        let section = self.$field.get()?;
                        CollectorSettings {
                            enabled: section.enabled.get()?.0,
                            interval: section.interval.get().map(|interval| interval.0),
                            options: $field::Options {
                                $($option: Setting::value(&section.$option)?,)*
                            },
                        }
                    },)*
                })
            }
        }

        impl Collectors {
            /// Whether a collector runs.
            pub fn is_enabled(&self, id: CollectorId) -> bool {
                match id { $(CollectorId::$id => self.$field.enabled,)* }
            }

            /// The interval that a collector has of its own.
            pub fn interval(&self, id: CollectorId) -> Option<Duration> {
                match id { $(CollectorId::$id => self.$field.interval,)* }
            }

            /// The sections that differ.
            pub(super) fn changed(&self, other: &Self) -> Vec<&'static str> {
                let mut changed = Vec::new();
                $(if self.$field != other.$field {
                    changed.push(concat!("collectors.", $key));
                })*
                changed
            }

            /// Whether a collector has the same further keys in both.
            pub fn has_same_options(&self, other: &Self, id: CollectorId) -> bool {
                match id { $(CollectorId::$id => self.$field.options == other.$field.options,)* }
            }
        }
    };
}

collectors! {
    /// Jobs that finished, run or wait.
    Jobs jobs = "jobs" (always) (collectionInterval) {}
    /// Storage units.
    Storage storage = "storage" (always) (collectionInterval) {}
    /// Policies, their last backups, and when each is due by its own schedules.
    Protection protection = "protection" (on) ("15m") {
        /// How far back the last backup of a policy is looked for.
        look_back: BoundedDuration<HOUR, { 366 * DAY }> = "lookBack" or "35d";
        /// How many policies get series of their own.
        max_policies: BoundedCount<1, 10_000> = "maxPolicies" or "2000";
    }
    /// Clients by name, and the last backup of each.
    PerClient per_client = "perClient" (off) ("1h") {
        /// The names of the clients that get series of their own; `*` stands for any characters and `?` for one.
        allowlist: Vec<Slot<AnyText>> = "allowlist";
        /// The names of the clients that get none, likewise.
        denylist: Vec<Slot<AnyText>> = "denylist";
        /// Which of them get series: those whose last good backup is too old, or all.
        export: ClientExport = "export" or "overdue";
        /// The age from which a last good backup is too old.
        older_than: BoundedDuration<HOUR, { 366 * DAY }> = "olderThan" or "24h";
        /// How many clients get series of their own.
        max_clients: BoundedCount<1, 10_000> = "maxClients" or "1000";
        /// After this long without a job a client that no policy names is forgotten.
        forget_after: BoundedDuration<HOUR, { 366 * DAY }> = "forgetAfter" or "35d";
    }
    /// The backups of the catalog.
    CatalogBackup catalog_backup = "catalogBackup" (on) ("15m") {}
    /// Disk pools and their volumes.
    DiskPools disk_pools = "diskPools" (on) ("5m") {}
    /// Storage servers and media servers.
    Servers servers = "servers" (on) ("5m") {}
    /// Storage lifecycle policies and their backlog.
    Slp slp = "slp" (on) ("30m") {}
    /// Certificates of the authorities and of the hosts.
    Certificates certificates = "certificates" (on) ("6h") {}
    /// The primary server's release, freeze mode and paused clients.
    Server server = "server" (on) ("15m") {}
    /// Tape drives, robots and tapes.
    Tape tape = "tape" (off) ("15m") {
        /// Which tapes are asked for: scratch, frozen and cleaning tapes, all of them, or none.
        media: TapeMedia = "media" or "summary";
        /// The time between two walks over the tapes.
        media_interval: BoundedDuration<SECOND, { 7 * DAY }> = "mediaInterval" or "6h";
    }
    /// Daemons of NetBackup's hosts.
    Services services = "services" (off) ("15m") {
        /// The hosts whose daemons are asked for; `primary` is the primary server, which alone is asked without this key.
        hosts: Vec<Slot<AnyText>> = "hosts";
    }
    /// Malware scans.
    Malware malware = "malware" (off) ("15m") {}
    /// Anomalies.
    Anomalies anomalies = "anomalies" (off) ("15m") {}
    /// Alerts.
    Alerts alerts = "alerts" (off) ("5m") {}
    /// Notifications of the event log.
    Notifications notifications = "notifications" (off) ("5m") {}
    /// Images of the catalog.
    Catalog catalog = "catalog" (off) ("15m") {}
    /// Service levels and protection plans.
    Slo slo = "slo" (off) ("1h") {}
    /// Licences and the capacity that they cover.
    Licensing licensing = "licensing" (off) ("24h") {}
    /// The risk score and the tickets of multi-person approval.
    Posture posture = "posture" (off) ("1h") {}
}

impl CollectorId {
    /// The value of the `collector` label.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

//! The command line: what can not be reloaded, and the commands beside `run`.

mod access;
mod check;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod exit;
mod healthcheck;
mod kill;
mod list;
mod process;
mod reload;
mod running;
mod status;
mod terminal;
mod webhook;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::app::{FleetOptions, Options, RunError};
use crate::config::{self, ListenAddress, LogFormat, LogLevel};
use crate::source::kubernetes::{FleetName, ObjectName};
use crate::telemetry::Overrides;

use access::AccessArgs;
pub use check::{CheckArgs, check_config};
#[cfg(feature = "demo")]
pub use demo::{demo, simulate};
pub use doctor::{DoctorArgs, examine};
pub use exit::{failed, parse};
pub use healthcheck::{HealthArgs, check_health};
pub use kill::{is_kill, kill};
pub use list::list_metrics;
pub use process::{interruptible, on_runtime, printed, until_signalled};
pub use reload::ask_for_reload;
pub use status::{StatusArgs, show_status};
use webhook::WebhookArgs;

/// Prometheus exporter for Veritas/Cohesity NetBackup. Its configuration changes while it runs.
#[derive(Debug, Parser)]
#[command(name = "nbu-exporter", version, args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

/// What the program is asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collects and serves; the default.
    Run(Box<RunArgs>),
    /// Checks a configuration file and reports every mistake with its place.
    CheckConfig(CheckArgs),
    /// Examines the way to each site (DNS, TCP, TLS, API version, key, permissions) and says what to do where it ends.
    Doctor(DoctorArgs),
    /// Shows it all with no NetBackup at hand: two simulated sites and the exporter, on loopback.
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// Serves a simulated NetBackup REST API.
    #[cfg(feature = "demo")]
    Simulate(nbu_exporter_simulator::Args),
    /// Lists the metrics with their labels and where they come from.
    ListMetrics(ListArgs),
    /// Asks the running exporter to reload its configuration, and prints the outcome.
    Reload(AddressArgs),
    /// Asks the running exporter what runs and what is wrong, and shows it as a table or as JSON.
    Status(StatusArgs),
    /// Asks the running exporter whether it is healthy, for containers without a shell: 0 when it is, 1 otherwise.
    Healthcheck(HealthArgs),
    /// Prints the JSON Schema of the configuration file.
    Schema,
}

/// The flags of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The configuration file.
    #[arg(short, long, alias = "config.file", value_name = "FILE", env = "NBU_EXPORTER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The ConfigMap that holds the configuration, followed by the Kubernetes API; with or without the file.
    #[arg(
        long = "config.kubernetes",
        value_name = "[NAMESPACE/]NAME[:KEY]",
        env = "NBU_EXPORTER_CONFIG_KUBERNETES"
    )]
    pub(crate) object: Option<ObjectName>,
    /// The Secret that holds the configuration, followed in the same way; instead of a ConfigMap.
    #[arg(
        long = "config.kubernetes-secret",
        value_name = "[NAMESPACE/]NAME[:KEY]",
        env = "NBU_EXPORTER_CONFIG_KUBERNETES_SECRET",
        value_parser = ObjectName::secret,
        conflicts_with = "object"
    )]
    pub(crate) secret: Option<ObjectName>,
    /// The file that keeps the last good configuration for a start on an invalid one, or `off`; by default
    /// `last-good.yaml` in the directory that systemd names by `STATE_DIRECTORY`, else off.
    #[arg(long = "config.last-good", value_name = "FILE|off", env = "NBU_EXPORTER_CONFIG_LAST_GOOD")]
    pub(crate) last_good: Option<PathBuf>,
    /// The ConfigMap, made without data, that keeps the last good configuration; only with `--config.kubernetes`.
    #[arg(
        long = "config.last-good-kubernetes",
        value_name = "[NAMESPACE/]NAME",
        env = "NBU_EXPORTER_CONFIG_LAST_GOOD_KUBERNETES"
    )]
    pub(crate) last_good_object: Option<ObjectName>,
    /// Tells the cluster by Events what came of each reload; only with `--config.kubernetes` or `--config.kubernetes-secret`.
    #[arg(
        long = "kubernetes.events",
        value_name = "BOOL",
        env = "NBU_EXPORTER_KUBERNETES_EVENTS",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        action = ArgAction::Set
    )]
    pub(crate) events: bool,
    /// The fleet whose members share the sites, so that replicas ask each of them once: a label of Leases in Kubernetes.
    #[arg(long = "fleet.group", value_name = "[NAMESPACE/]NAME", env = "NBU_EXPORTER_FLEET_GROUP")]
    pub(crate) fleet: Option<FleetName>,
    /// For how long a member of the fleet that is silent keeps its sites.
    #[arg(
        long = "fleet.lease-duration",
        value_name = "DURATION",
        env = "NBU_EXPORTER_FLEET_LEASE_DURATION",
        default_value = "15s",
        value_parser = lease_duration
    )]
    pub(crate) lease_duration: Duration,
    /// Logs what a developer wants to see; short for `--log.level debug`.
    #[arg(short, long, conflicts_with = "log_level")]
    pub(crate) debug: bool,
    /// Logs each answer of the NetBackup API with its body; never headers.
    #[arg(long)]
    pub(crate) trace: bool,
    /// How much is logged; wins over the key `log.level`.
    #[arg(long = "log.level", value_name = "LEVEL", ignore_case = true, value_parser = words::<LogLevel>())]
    pub(crate) log_level: Option<LogLevel>,
    /// One line per event as logfmt or JSON; wins over the key `log.format`.
    #[arg(long = "log.format", value_name = "FORMAT", ignore_case = true, value_parser = words::<LogFormat>())]
    pub(crate) log_format: Option<LogFormat>,
    /// The address to listen on, `:PORT` for all of IPv6 and IPv4; wins over the keys `server.host` and `server.port`.
    /// May be given again.
    #[arg(long = "web.listen-address", value_name = "HOST:PORT")]
    pub(crate) listen_addresses: Vec<ListenAddress>,
    /// The path of the metrics page; wins over the key `server.uri`.
    #[arg(long = "web.telemetry-path", value_name = "PATH", value_parser = config::metrics_path)]
    pub(crate) telemetry_path: Option<String>,
    /// For how long it serves on after SIGTERM, not ready, while others learn that it goes; 5s inside of Kubernetes and
    /// 0s elsewhere by default.
    #[arg(
        long,
        value_name = "DURATION",
        env = "NBU_EXPORTER_SHUTDOWN_DELAY",
        value_parser = shutdown_delay
    )]
    pub(crate) shutdown_delay: Option<Duration>,
    /// The web config in the format of Prometheus' exporter-toolkit: TLS, client certificates, login, headers and rate of
    /// the exporter's own pages. It wins over the key `server.webConfigFile`.
    #[arg(long = "web.config.file", value_name = "FILE", env = "NBU_EXPORTER_WEB_CONFIG_FILE")]
    pub(crate) web_config: Option<PathBuf>,
    /// An address where probes alone are answered (`/-/healthy`, `/-/ready` and their kin), always in the clear and without
    /// a login, for the kubelet and for `healthcheck`.
    #[arg(
        long = "web.probe-listen-address",
        value_name = "HOST:PORT",
        env = "NBU_EXPORTER_WEB_PROBE_LISTEN_ADDRESS"
    )]
    pub(crate) probe_address: Option<ListenAddress>,
    #[command(flatten)]
    pub(crate) webhook: WebhookArgs,
}

/// The flags of `demo`.
#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The port of the exporter on 127.0.0.1.
    #[arg(long, default_value_t = 9440)]
    pub(crate) port: u16,
    /// The seed of the simulated sites.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// The flags of `list-metrics`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The form of the list.
    #[arg(long, default_value = "text")]
    pub(crate) format: ListFormat,
}

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// Lines for people.
    Text,
    /// A Markdown table, as in `docs/metrics.md`.
    Markdown,
    /// For programs.
    Json,
}

/// The flags of `reload` and `status`.
#[derive(Debug, Args)]
pub struct AddressArgs {
    /// Where the running exporter listens.
    #[arg(long, default_value = "http://127.0.0.1:9440", value_name = "URL", env = "NBU_EXPORTER_ADDRESS")]
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
}

/// The command line as data, of which completions and man pages are made.
pub fn definition() -> clap::Command {
    CommandLine::command()
}

impl CommandLine {
    /// The command; `run` when none is named.
    pub(crate) fn into_command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Run(Box::new(self.run)))
    }
}

impl Command {
    /// Whether this runs an exporter, which handles the signals itself.
    pub fn runs_exporter(&self) -> bool {
        match self {
            Self::Run(_) => true,
            #[cfg(feature = "demo")]
            Self::Demo(_) => true,
            _ => false,
        }
    }
}

/// As long as the endpoints of a Service usually take to be without us.
const SHUTDOWN_DELAY_IN_CLUSTER: Duration = Duration::from_secs(5);
const LONGEST_SHUTDOWN_DELAY: Duration = Duration::from_hours(1);

fn shutdown_delay(text: &str) -> Result<Duration, &'static str> {
    let delay = config::parse_duration(text).filter(|delay| *delay <= LONGEST_SHUTDOWN_DELAY);
    delay.ok_or("must be a duration from 0s to 1h, such as 5s")
}

/// Shorter ones would need an API server that answers within less than a second.
const SHORTEST_LEASE: Duration = Duration::from_secs(10);
const LONGEST_LEASE: Duration = Duration::from_hours(1);

fn lease_duration(text: &str) -> Result<Duration, &'static str> {
    let lease = config::parse_duration(text).filter(|lease| (SHORTEST_LEASE..=LONGEST_LEASE).contains(lease));
    // A Lease has whole seconds.
    lease.filter(|lease| lease.subsec_nanos() == 0).ok_or("must be whole seconds from 10s to 1h, such as 15s")
}

/// The words of a key that is a flag as well, without their meanings, which would make the help twice as long.
fn words<T: ValueEnum + Send + Sync + 'static>() -> impl TypedValueParser<Value = T> {
    let words = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    PossibleValuesParser::new(words.map(|word| word.help(None::<&str>)))
        .try_map(|word| T::from_str(&word, true))
}

impl RunArgs {
    /// What can not be reloaded.
    pub fn options(&self) -> Result<Options, RunError> {
        let config = self.config.clone();
        let object = self.object.clone().or_else(|| self.secret.clone());
        if config.is_none() && object.is_none() {
            return Err(RunError::Configuration(
                "no configuration is named: give --config FILE or set NBU_EXPORTER_CONFIG, or name a ConfigMap by \
                 --config.kubernetes [NAMESPACE/]NAME[:KEY], or a Secret by --config.kubernetes-secret"
                    .into(),
            ));
        }
        if self.last_good_object.is_some() && object.is_none() {
            return Err(RunError::Configuration(
                "--config.last-good-kubernetes keeps what comes from a ConfigMap: name that one by --config.kubernetes, or \
                 keep it in a file by --config.last-good FILE"
                    .into(),
            ));
        }
        Ok(Options {
            webhook: self.webhook.options(object.is_some())?,
            config,
            object,
            events: self.events,
            last_good: self.last_good(std::env::var_os("STATE_DIRECTORY")),
            last_good_object: self.last_good_object.clone(),
            fleet: self.fleet.clone().map(|name| FleetOptions { name, lease: self.lease_duration }),
            listen_addresses: self.listen_addresses.clone(),
            web_config: self.web_config.clone(),
            probe_address: self.probe_address.clone(),
            telemetry_path: self.telemetry_path.clone(),
        })
    }

    /// From the first SIGTERM to the drain.
    pub fn shutdown_delay(&self) -> Duration {
        let in_cluster = || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some_and(|host| !host.is_empty());
        self.shutdown_delay
            .unwrap_or_else(|| if in_cluster() { SHUTDOWN_DELAY_IN_CLUSTER } else { Duration::ZERO })
    }

    /// Where the last good configuration is kept, if systemd gives us these directories.
    fn last_good(&self, state: Option<OsString>) -> Option<PathBuf> {
        match &self.last_good {
            Some(file) => Some(file.clone()).filter(|file| file != Path::new("off") && file != Path::new("")),
            // Several are parted by colons (`systemd.exec(5)`).
            None => std::env::split_paths(&state?).next().map(|directory| directory.join("last-good.yaml")),
        }
    }

    /// What the command line fixes about logging.
    pub fn log_overrides(&self) -> Overrides {
        let level = if self.debug { Some(LogLevel::Debug) } else { self.log_level };
        Overrides { level, format: self.log_format, trace_api: self.trace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::CertificateOptions;

    fn options(arguments: &[&str]) -> Result<Options, String> {
        let line = ["nbu-exporter"].iter().chain(arguments);
        let command = CommandLine::try_parse_from(line).map_err(|error| error.to_string())?.into_command();
        let Command::Run(args) = command else { return Err("not run".to_owned()) };
        args.options().map_err(|error| error.to_string())
    }

    #[test]
    fn the_flags_of_the_chart_are_understood() {
        let chart = [
            "run",
            "--config=/etc/nbu-exporter/config/config.yaml",
            "--web.listen-address=:9440",
            "--web.telemetry-path=/metrics",
            "--shutdown-delay=10s",
        ];
        for (events, expected) in [("true", true), ("false", false)] {
            let flag = format!("--kubernetes.events={events}");
            let options =
                options(&[&chart[..], &["--config.kubernetes=cfg:config.yaml", &flag]].concat()).unwrap();
            assert_eq!(options.object, Some("cfg".parse().unwrap()));
            assert_eq!((options.events, options.config.is_some()), (expected, true));
        }
    }

    #[test]
    fn the_file_or_the_object_has_to_be_named_and_events_are_on_by_default() {
        assert!(options(&["run"]).unwrap_err().contains("--config.kubernetes"));
        assert!(options(&["--config.kubernetes", "a/b/c"]).unwrap_err().contains("no name of a ConfigMap"));
        let alone = options(&["--config.kubernetes", "ns/cfg"]).unwrap();
        assert!(alone.events && alone.config.is_none());
        assert!(options(&["-c", "x", "--kubernetes.events"]).unwrap().events);
    }

    #[test]
    fn the_last_good_configuration_is_kept_where_systemd_or_a_flag_says_and_off_turns_it_off() {
        let kept = |arguments: &[&str], state: Option<&str>| {
            let line = ["nbu-exporter", "-c", "x"].iter().chain(arguments);
            let Command::Run(args) = CommandLine::try_parse_from(line).unwrap().into_command() else {
                panic!()
            };
            args.last_good(state.map(OsString::from))
        };
        assert_eq!(kept(&[], None), None);
        assert_eq!(kept(&[], Some("/var/lib/a:/var/lib/b")), Some("/var/lib/a/last-good.yaml".into()));
        assert_eq!(kept(&["--config.last-good=/x"], Some("/var/lib/a")), Some("/x".into()));
        assert_eq!(kept(&["--config.last-good=off"], Some("/var/lib/a")), None);
        let refused = options(&["-c", "x", "--config.last-good-kubernetes=kept"]).unwrap_err();
        assert!(refused.contains("name that one by --config.kubernetes"), "{refused}");
        let both = options(&["--config.kubernetes=cfg", "--config.last-good-kubernetes=ns/kept"]).unwrap();
        assert_eq!(both.last_good_object, Some("ns/kept".parse().unwrap()));
    }

    #[test]
    fn the_configuration_may_come_from_a_secret_or_a_configmap_and_not_from_both() {
        let secret = options(&["--config.kubernetes-secret", "ns/cfg:c"]).unwrap();
        assert_eq!(secret.object, Some(ObjectName::secret("ns/cfg:c").unwrap()));
        let refused = options(&["--config.kubernetes-secret=cfg", "--config.kubernetes=cfg"]).unwrap_err();
        assert!(refused.contains("cannot be used with"), "{refused}");
        assert!(options(&["--config.kubernetes-secret", "NBU"]).unwrap_err().contains("no name of a Secret"));
    }

    #[test]
    fn the_webhook_needs_an_object_that_it_guards_and_a_certificate() {
        let (object, address) = ("--config.kubernetes=cfg", "--webhook.listen-address=:9443");
        assert!(options(&[object]).unwrap().webhook.is_none());
        for (arguments, cure) in [
            (&["-c", "x", address][..], "name that one by --config.kubernetes"),
            (&[object, address], "by --webhook.certificate-dir, or have it made"),
            (&[object, "--webhook.certificate-dir=/tls"], "--webhook.listen-address"),
            (&[object, address, "--webhook.secret=tls"], "--webhook.configuration"),
            (&[object, address, "--webhook.certificate-lifetime=1s"], "from 30s to 87600h"),
        ] {
            let error = options(arguments).unwrap_err();
            assert!(error.contains(cure), "{arguments:?}: {error}");
        }
        let mounted = options(&[object, address, "--webhook.certificate-dir=/tls"]).unwrap().webhook.unwrap();
        assert!(matches!(mounted.certificate, CertificateOptions::Directory(_)));
        let made =
            ["--webhook.secret=tls", "--webhook.configuration=nbu", "--webhook.host=a.b.svc,127.0.0.1"];
        let made = options(&[&[object, address], &made[..]].concat()).unwrap().webhook.unwrap();
        let CertificateOptions::Made { hosts, lifetime, .. } = made.certificate else { panic!() };
        assert_eq!((hosts.len(), lifetime.as_secs()), (2, 90 * 24 * 3600));
    }

    #[test]
    fn a_fleet_is_off_until_it_is_named_and_its_leases_last_fifteen_seconds() {
        assert_eq!(options(&["-c", "x"]).unwrap().fleet, None);
        let fleet = |arguments: &[&str]| options(&[&["-c", "x", "--fleet.group=ns/nbu"], arguments].concat());
        let lease =
            |arguments: &[&str]| fleet(arguments).map(|options| options.fleet.unwrap().lease.as_secs());
        assert_eq!(fleet(&[]).unwrap().fleet.unwrap().name, "ns/nbu".parse().unwrap());
        assert_eq!((lease(&[]), lease(&["--fleet.lease-duration=1m"])), (Ok(15), Ok(60)));
        for refused in ["--fleet.lease-duration=5s", "--fleet.lease-duration=15500ms", "--fleet.group=NBU"] {
            assert!(fleet(&[refused]).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_flag_of_the_server_is_refused_with_what_it_wants() {
        for (flag, cure) in [
            ("--web.telemetry-path=metrics", "must be a path such as /metrics"),
            ("--web.telemetry-path=/-/ready", "none of /"),
            ("--web.listen-address=9440", "such as :9440"),
            ("--shutdown-delay=5", "from 0s to 1h, such as 5s"),
            ("--shutdown-delay=2h", "from 0s to 1h"),
        ] {
            let error = options(&["-c", "x", flag]).unwrap_err();
            assert!(error.contains(cure), "{flag}: {error}");
        }
        let both = options(&["-c", "x", "--web.listen-address=:1", "--web.listen-address=[::1]:2"]).unwrap();
        assert_eq!(both.listen_addresses.len(), 2);
    }
}

//! Where the configuration comes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::stream::BoxStream;
use tokio::sync::watch;

use super::cluster::Cluster;
use super::options::Options;
use super::run_error::RunError;
use super::service::HangupReport;
use super::triggers::events;
use super::watch_metrics::WatchMetrics;
use crate::exposition::Registry;
use crate::reload::{self, Event, First, MountLag, Object, ReloadHandle, SnapshotReader, Sources};
use crate::source::Store;
use crate::source::file::{self, FileReader, FileSource, FileWatcher, KeptFile, WatchStatus};
use crate::source::kubernetes::ObjectKind;
use crate::source::signal::Hangups;

/// Where the configuration comes from, watched from before the first read on.
pub(super) struct ConfigSources {
    pub(super) sources: Sources,
    pub(super) events: BoxStream<'static, Event>,
    /// The way for requests to the reloader.
    pub(super) requests: ReloadHandle,
    pub(super) watcher: FileWatcher,
    pub(super) cluster: Option<Cluster>,
    /// What texts that come from elsewhere are read with.
    pub(super) file: FileSource,
    status: watch::Receiver<WatchStatus>,
    /// Only with both a file and the object.
    lag: Option<MountLag>,
}

impl ConfigSources {
    /// Begins to watch. No answer is waited for.
    pub(super) async fn watch(
        options: &Options,
        hangups: Hangups,
        report: HangupReport,
    ) -> Result<Self, RunError> {
        let source = source(options);
        let mut cluster = match &options.object {
            Some(object) => Some(Cluster::join(object).await?),
            None => None,
        };
        let reader = || -> Arc<dyn SnapshotReader> { Arc::new(source.reader()) };
        let file = options.config.is_some().then(reader);
        let object =
            cluster.as_ref().map(|cluster| (Box::new(cluster.reader()) as Box<dyn Object>, reader()));
        let sources = Sources::new(reader(), file, object, stores(options, cluster.as_ref()));
        let lag = sources.lag();
        // The watch brings a hint when it is armed, so that no change falls between the first read and that.
        let (watcher, hints) = FileWatcher::start(&source).context("no thread to watch files on")?;
        let (handle, requests) = reload::requests();
        let object_events = cluster.as_mut().map(Cluster::watch);
        let events = events(requests, (hangups, report), hints, object_events);
        let status = source.status();
        Ok(Self { sources, events, requests: handle, watcher, cluster, file: source, status, lag })
    }

    /// The first configuration; waits for one where the object is the only source.
    pub(super) async fn first(&mut self) -> Result<First, RunError> {
        Ok(reload::first(&mut self.sources, &mut self.events).await?)
    }

    /// Makes metrics of what the sources say of themselves.
    pub(super) fn register(&self, registry: &Registry) -> anyhow::Result<()> {
        registry.register(WatchMetrics(self.status.clone())).context("metrics")?;
        if let Some(cluster) = &self.cluster {
            registry.register(cluster.metrics(self.lag.clone())).context("metrics")?;
        }
        Ok(())
    }
}

/// Where the last good configuration is kept.
fn stores(options: &Options, cluster: Option<&Cluster>) -> Vec<Arc<dyn Store>> {
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    if let Some(file) = &options.last_good {
        stores.push(Arc::new(KeptFile::new(file)));
    }
    if let Some((object, cluster)) = options.last_good_object.as_ref().zip(cluster) {
        match options.object.as_ref().map(|source| source.kind) {
            Some(ObjectKind::Secret) => tracing::warn!(
                object = %object,
                "The configuration comes from a Secret, so it is never kept in a ConfigMap; --config.last-good keeps it \
                 in a file"
            ),
            _ => stores.push(Arc::new(cluster.kept(object))),
        }
    }
    stores
}

/// The configuration file, or what it names where the object is the only source: relative paths in the configuration
/// then begin in the current directory.
fn source(options: &Options) -> FileSource {
    let (environment, settings) = (environment(), file::Options::default());
    let web_config = options.web_config.as_deref();
    if let Some(file) = &options.config {
        return FileSource::new(file, environment, settings).with_web_config(web_config);
    }
    let key = options.object.as_ref().map(|object| PathBuf::from(&object.key)).unwrap_or_default();
    FileSource::references_only(&key, environment, settings).with_web_config(web_config)
}

/// The reader of one file outside a running exporter, with the web config that a flag names.
pub fn reader(file: &Path, web_config: Option<&Path>) -> FileReader {
    let source = FileSource::new(file, environment(), file::Options::default());
    source.with_web_config(web_config).reader()
}

/// The process environment; what is not Unicode can not be named in YAML.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

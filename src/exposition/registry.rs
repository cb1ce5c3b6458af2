//! The exporter's own metrics.

use std::collections::HashMap;
use std::fmt;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder as _, TextEncoder};
use tracing::error;

use super::BuildInfo;
use super::process::ProcessMetrics;
use super::reading::{Reading, Readings};
use super::runtime::RuntimeMetrics;
use crate::metric::{TextFormat, head};

/// The exporter's own metrics; clones share it. Modules register what they count on [`Registry::prometheus`].
#[derive(Clone)]
pub struct Registry(prometheus::Registry);

impl Registry {
    /// A registry that knows the process, the runtime and the build.
    pub fn new(build: &BuildInfo) -> Result<Self, prometheus::Error> {
        let registry = Self(prometheus::Registry::new());
        build.register(&registry.0)?;
        registry.register(ProcessMetrics::of_self())?;
        registry.register(RuntimeMetrics)?;
        Ok(registry)
    }

    /// Where modules register their metrics.
    pub fn prometheus(&self) -> &prometheus::Registry {
        &self.0
    }

    /// Adds values that are read at each scrape.
    pub fn register(&self, source: impl Readings) -> Result<(), prometheus::Error> {
        self.0.register(Box::new(AtScrape::new(source)?))
    }

    /// All metrics now.
    pub fn render(&self, format: TextFormat) -> String {
        let mut text = Vec::with_capacity(8 * 1024);
        // One family that can not be written must not cost the page the others.
        for family in self.0.gather() {
            let whole = text.len();
            if let Err(problem) = write(family, format, &mut text) {
                text.truncate(whole);
                error!(error = %problem, "One of our own metrics can not be written");
            }
        }
        String::from_utf8(text).unwrap_or_default()
    }
}

/// The library writes 0.0.4; in OpenMetrics the samples are the same, and only the lines in front of them differ.
fn write(family: MetricFamily, format: TextFormat, text: &mut Vec<u8>) -> Result<(), prometheus::Error> {
    if format == TextFormat::Prometheus {
        return TextEncoder::new().encode(&[family], text);
    }
    let kind = match family.get_field_type() {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        MetricType::SUMMARY => "summary",
        MetricType::UNTYPED => "untyped",
    };
    text.extend_from_slice(head(format, family.name(), kind, family.help()).as_bytes());
    let mut samples = Vec::new();
    TextEncoder::new().encode(&[family], &mut samples)?;
    let lines = samples.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#"));
    lines.for_each(|line| text.extend_from_slice(line));
    Ok(())
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Registry")
    }
}

/// A [`Readings`] as the registry wants it.
struct AtScrape<S> {
    source: S,
    descs: Vec<Desc>,
}

impl<S: Readings> AtScrape<S> {
    fn new(source: S) -> Result<Self, prometheus::Error> {
        let desc = |(name, help): (&str, &str)| {
            Desc::new(name.to_owned(), help.to_owned(), Vec::new(), HashMap::new())
        };
        let descs = source.names().into_iter().map(desc).collect::<Result<_, _>>()?;
        Ok(Self { source, descs })
    }

    fn family(&self, reading: &Reading) -> Option<MetricFamily> {
        let desc = self.descs.iter().find(|desc| desc.fq_name == reading.name)?;
        let mut metric = Metric::default();
        let mut family = MetricFamily::default();
        if reading.counter {
            let mut counter = Counter::default();
            counter.set_value(reading.value);
            metric.set_counter(counter);
            family.set_field_type(MetricType::COUNTER);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(reading.value);
            metric.set_gauge(gauge);
            family.set_field_type(MetricType::GAUGE);
        }
        if let Some((name, value)) = reading.label {
            let mut label = LabelPair::default();
            label.set_name(name.to_owned());
            label.set_value(value.to_owned());
            metric.set_label(vec![label]);
        }
        family.set_name(desc.fq_name.clone());
        family.set_help(desc.help.clone());
        family.set_metric(vec![metric]);
        Some(family)
    }
}

impl<S: Readings> Collector for AtScrape<S> {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.source.read().iter().filter_map(|reading| self.family(reading)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Unlike;

    impl Readings for Unlike {
        fn names(&self) -> Vec<(&'static str, &'static str)> {
            vec![("known", "Known."), ("absent", "Absent.")]
        }

        fn read(&self) -> Vec<Reading> {
            vec![Reading::counter("known", 1.5), Reading::counter("unknown", 2.0)]
        }
    }

    #[test]
    fn values_are_read_at_the_scrape_and_only_known_ones_are_served() {
        let registry = Registry(prometheus::Registry::new());
        registry.register(Unlike).unwrap();
        assert_eq!(
            registry.render(TextFormat::Prometheus),
            "# HELP known Known.\n# TYPE known counter\nknown 1.5\n"
        );
        let open_metrics = registry.render(TextFormat::OpenMetrics);
        assert_eq!(open_metrics, "# TYPE known unknown\n# HELP known Known.\nknown 1.5\n");
    }

    #[test]
    fn the_process_the_runtime_and_the_build_are_there() {
        let build = BuildInfo { version: "1.2.3", revision: "abc", rust_version: "1.95", target: "x" };
        let text = Registry::new(&build).unwrap().render(TextFormat::Prometheus);
        for line in [
            "nbu_exporter_build_info{goversion=\"\",revision=\"abc\",rustversion=\"1.95\",target=\"x\",version=\"1.2.3\"} 1\n",
            "# TYPE process_cpu_seconds_total counter\n",
            "# TYPE process_open_fds gauge\n",
            "# TYPE process_max_fds gauge\n",
            "# TYPE process_virtual_memory_bytes gauge\n",
            "# TYPE process_virtual_memory_max_bytes gauge\n",
            "# TYPE process_resident_memory_bytes gauge\n",
            "# TYPE process_start_time_seconds gauge\n",
            "# TYPE process_threads gauge\n",
        ] {
            assert!(text.contains(line), "{line:?} is missing in\n{text}");
        }
    }
}

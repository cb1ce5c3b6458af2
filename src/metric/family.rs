//! The samples of one family of one site, as text.

use std::fmt::Write as _;
use std::hash::BuildHasher as _;

use foldhash::HashSet;
use memchr::{memchr_iter, memchr3};

use super::desc::{Desc, Labelled};
use super::histogram::Histogram;
use super::label::{LONGEST, MOST_LABEL_SETS, label_value};

/// The samples of one metric family of one site, as lines of the text format 0.0.4.
///
/// Samples are written to text as they come, so that a page needs no second pass over them. A label set that
/// was given before is left out and counted: two equal series would spoil the whole scrape. So is one too many, and a
/// value that is too long is cut: whatever a server says, its page has a bound.
#[derive(Debug)]
pub struct Family {
    desc: &'static Desc,
    /// `{site="…` escaped once, without the quote at its end.
    site_label: String,
    /// What stands between the value of the label before and that of each label: `",name="`.
    label_heads: Vec<String>,
    text: String,
    label_sets: HashSet<u64>,
    duplicates: u64,
    capped: u64,
}

/// Takes the samples of a family with so many labels: a sample with more or fewer does not compile.
#[derive(Debug)]
pub struct FamilyBuilder<const N: usize>(Family);

impl<const N: usize> Labelled<N> {
    /// A family of a site without samples.
    pub fn of_site(&'static self, site: &str) -> FamilyBuilder<N> {
        FamilyBuilder(Family::new(self, site))
    }

    /// A family of a site with these samples.
    pub fn family<'a>(
        &'static self,
        site: &str,
        samples: impl IntoIterator<Item = ([&'a str; N], f64)>,
    ) -> Family {
        let mut family = self.of_site(site);
        let samples = samples.into_iter();
        if let (_, Some(most)) = samples.size_hint() {
            family.0.label_sets.reserve(most.min(MOST_LABEL_SETS));
        }
        for (labels, value) in samples {
            family.sample(labels, value);
        }
        family.build()
    }
}

impl<const N: usize> FamilyBuilder<N> {
    /// Adds a gauge's or counter's sample; `labels` are the values of [`Desc::labels`], in that order.
    pub fn sample(&mut self, labels: [&str; N], value: f64) {
        self.0.sample(&labels, value);
    }

    /// Adds a histogram's samples.
    pub fn histogram(&mut self, labels: [&str; N], histogram: &Histogram) {
        self.0.histogram(&labels, histogram);
    }

    /// The family with the samples that were added.
    pub fn build(self) -> Family {
        self.0
    }
}

impl Family {
    fn new(desc: &'static Desc, site: &str) -> Self {
        let mut site_label = String::from("{site=\"");
        escape(&mut site_label, &label_value(site));
        Self {
            desc,
            site_label,
            label_heads: desc.labels.iter().map(|name| format!("\",{name}=\"")).collect(),
            text: String::new(),
            label_sets: HashSet::default(),
            duplicates: 0,
            capped: 0,
        }
    }

    /// What the samples measure.
    pub fn desc(&self) -> &'static Desc {
        self.desc
    }

    /// The sample lines, without `# HELP` and `# TYPE`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes the sample lines out.
    pub fn into_text(self) -> String {
        self.text
    }

    /// How many label sets the family has.
    pub fn series(&self) -> usize {
        self.label_sets.len()
    }

    /// How many sample lines it has: a histogram has several for a label set.
    pub(crate) fn lines(&self) -> usize {
        memchr_iter(b'\n', self.text.as_bytes()).count()
    }

    /// How many samples were left out since their label set was there already.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// How many samples were left out since the family has as many label sets as it may have.
    pub fn capped(&self) -> u64 {
        self.capped
    }

    fn sample(&mut self, labels: &[&str], value: f64) {
        self.within_bounds(labels, |family, labels| family.line("", labels, None, value));
    }

    fn histogram(&mut self, labels: &[&str], histogram: &Histogram) {
        self.within_bounds(labels, |family, labels| {
            for (bound, count) in histogram.cumulative() {
                family.line("_bucket", labels, Some(bound), count as f64);
            }
            family.line("_sum", labels, None, histogram.sum());
            family.line("_count", labels, None, histogram.count() as f64);
        });
    }

    /// Writes a sample if its label set is new and there is room for it.
    fn within_bounds(&mut self, labels: &[&str], write: impl FnOnce(&mut Self, &[&str])) {
        // Hardly any value is too long.
        if labels.iter().all(|value| value.len() <= LONGEST) {
            if self.takes(labels) {
                write(self, labels);
            }
            return;
        }
        let cut: Vec<_> = labels.iter().map(|value| label_value(value)).collect();
        let labels: Vec<_> = cut.iter().map(AsRef::as_ref).collect();
        if self.takes(&labels) {
            write(self, &labels);
        }
    }

    fn takes(&mut self, labels: &[&str]) -> bool {
        let set = self.label_sets.hasher().hash_one(labels);
        if self.label_sets.len() >= MOST_LABEL_SETS {
            let left_out =
                if self.label_sets.contains(&set) { &mut self.duplicates } else { &mut self.capped };
            *left_out += 1;
            return false;
        }
        let is_new = self.label_sets.insert(set);
        self.duplicates += u64::from(!is_new);
        is_new
    }

    fn line(&mut self, suffix: &str, labels: &[&str], bound: Option<f64>, value: f64) {
        self.text.push_str(self.desc.name);
        self.text.push_str(suffix);
        self.text.push_str(&self.site_label);
        for (head, label) in self.label_heads.iter().zip(labels) {
            self.text.push_str(head);
            escape(&mut self.text, label);
        }
        if let Some(bound) = bound {
            self.text.push_str("\",le=\"");
            number(&mut self.text, bound);
        }
        self.text.push_str("\"} ");
        number(&mut self.text, value);
        self.text.push('\n');
    }
}

/// Label values escape backslash, quote and line feed (Prometheus, exposition formats).
fn escape(text: &mut String, value: &str) {
    // Hardly any value has one of them.
    if memchr3(b'\\', b'"', b'\n', value.as_bytes()).is_none() {
        return text.push_str(value);
    }
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

/// Whole numbers below this are exact, and are all in the range of the cast.
const EXACT: f64 = 9_007_199_254_740_992.0;

#[expect(clippy::cast_possible_truncation, reason = "a whole number in range")]
fn number(text: &mut String, value: f64) {
    if value.fract() == 0.0 && value.abs() < EXACT {
        // Counts, sizes and times: written as what they are they take a third of the time.
        text.push_str(itoa::Buffer::new().format(value as i64));
    } else if value.is_nan() {
        text.push_str("NaN");
    } else if value.is_infinite() {
        text.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        // Writing to a `String` can not fail.
        let _ = write!(text, "{value}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::desc::{MetricKind, Naming};
    use super::*;

    static UNITS: Labelled<1> = Labelled {
        name: "units",
        help: "Units.",
        kind: MetricKind::Gauge,
        labels: ["name"],
        naming: Naming::Native,
    };
    static TIMES: Labelled<0> = Labelled {
        name: "times",
        help: "Times.",
        kind: MetricKind::Histogram,
        labels: [],
        naming: Naming::Native,
    };

    static NAMED_TIMES: Labelled<1> = Labelled {
        name: "named_times",
        help: "Times by name.",
        kind: MetricKind::Histogram,
        labels: ["name"],
        naming: Naming::Native,
    };

    #[test]
    fn hostile_label_values_are_escaped() {
        let mut family = UNITS.of_site("a\"b");
        family.sample(["back\\slash\nline"], 1.5);
        assert_eq!(family.build().text(), "units{site=\"a\\\"b\",name=\"back\\\\slash\\nline\"} 1.5\n");
    }

    #[test]
    fn a_second_sample_of_a_label_set_is_left_out_and_counted() {
        let mut family = UNITS.of_site("paris");
        family.sample(["one"], 1.0);
        family.sample(["one"], 2.0);
        let family = family.build();
        assert_eq!(family.text(), "units{site=\"paris\",name=\"one\"} 1\n");
        assert_eq!((family.series(), family.duplicates()), (1, 1));
    }

    #[test]
    fn a_number_is_written_as_the_format_has_it_whether_it_is_whole_or_not() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (-17.0, "-17"),
            (1.5, "1.5"),
            (1_790_000_000.25, "1790000000.25"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (-9_007_199_254_740_992.0, "-9007199254740992"),
            (1e21, "1000000000000000000000"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            let mut text = String::new();
            number(&mut text, value);
            assert_eq!(text, expected);
            assert!(value.is_nan() || text.replace("Inf", "inf").parse() == Ok(value), "{text}");
        }
    }

    #[test]
    fn labels_are_capped_in_one_place_for_all_families() {
        let name = |number: usize| format!("{}{number}", "n".repeat(2 * LONGEST));
        let mut gauges = UNITS.of_site(&name(0));
        let mut histograms = NAMED_TIMES.of_site(&name(0));
        for number in 0..MOST_LABEL_SETS + 7 {
            gauges.sample([&name(number)], 1.0);
            histograms.histogram([&name(number)], &Histogram::new(&[1.0]));
        }
        for family in [gauges.build(), histograms.build()] {
            assert_eq!((family.series(), family.capped(), family.duplicates()), (MOST_LABEL_SETS, 7, 0));
            assert!(family.text().lines().all(|line| line.len() < 3 * LONGEST), "a line is too long");
        }
    }

    #[test]
    fn a_histogram_has_cumulative_buckets_sum_and_count() {
        let mut histogram = Histogram::new(&[1.0]);
        histogram.observe(0.5);
        histogram.observe(2.0);
        let mut family = TIMES.of_site("x");
        family.histogram([], &histogram);
        assert_eq!(
            family.build().text(),
            "times_bucket{site=\"x\",le=\"1\"} 1\ntimes_bucket{site=\"x\",le=\"+Inf\"} 2\n\
             times_sum{site=\"x\"} 2.5\ntimes_count{site=\"x\"} 2\n"
        );
    }
}

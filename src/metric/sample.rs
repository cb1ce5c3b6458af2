//! Samples read back from their lines.

use std::borrow::Cow;

/// A sample of a family of a site.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample<'a> {
    labels: Vec<(&'a str, Cow<'a, str>)>,
    /// Its value.
    pub(crate) value: f64,
}

impl Sample<'_> {
    /// The value of a label; empty if it has none of this name.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(label, _)| *label == name).map_or("", |(_, value)| value)
    }
}

/// The samples of lines that a [`Family`](super::Family) has written.
pub(crate) fn samples(text: &str) -> impl Iterator<Item = Sample<'_>> {
    text.lines().filter_map(sample)
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (_, mut rest) = line.split_once('{')?;
    let mut labels = Vec::new();
    loop {
        let (name, quoted) = rest.split_once("=\"")?;
        let end = end_of(quoted)?;
        labels.push((name, unescaped(quoted.get(..end)?)));
        rest = quoted.get(end + 1..)?;
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => break,
        }
    }
    let value = rest.strip_prefix("} ")?.parse().ok()?;
    Some(Sample { labels, value })
}

/// Where the closing quote is.
fn end_of(quoted: &str) -> Option<usize> {
    let mut escaped = false;
    quoted.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return value.into();
    }
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n') => text.push('\n'),
                other => text.extend(other),
            },
            (other, false) => text.push(other),
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metric::Labelled;

    static POOLS: Labelled<2> = Labelled::gauge("pools", "Pools.", ["pool", "state"]);

    proptest! {
        #[test]
        fn what_a_family_writes_is_read_back(
            site in "[ -~\n]{0,20}", pool in "\\PC{0,20}|[\\\\\",={}\n]{0,8}", state in "[a-z\\\\\"]{0,4}", value in -1e9..1e12,
        ) {
            let mut family = POOLS.of_site(&site);
            family.sample([&pool, &state], value);
            let family = family.build();
            let read: Vec<_> = samples(family.text()).collect();
            assert_eq!(read.len(), 1, "{}", family.text());
            let labels = [read[0].label("site"), read[0].label("pool"), read[0].label("state"), read[0].label("none")];
            assert_eq!(labels, [&*site, &*pool, &*state, ""]);
            assert!((read[0].value - value).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn a_line_that_is_none_of_ours_is_left_out() {
        let text = "a 1\na{b=\"c} 1\na{b=\"c\"} x\na{b=\"c\"} 2\n";
        assert_eq!(samples(text).map(|sample| sample.value).collect::<Vec<_>>(), [2.0]);
    }
}

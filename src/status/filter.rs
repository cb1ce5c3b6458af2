//! Which sites and collectors somebody wants to see.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::model::{CollectorPicture, SitePicture};

const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Which sites and collectors somebody wants to see: the query of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatusFilter {
    /// Only sites, or collectors, in this state.
    pub(crate) state: Option<String>,
    /// Only this site.
    pub(crate) site: Option<String>,
    /// Only this collector of each site.
    pub(crate) collector: Option<String>,
}

impl StatusFilter {
    /// What a query asks for. What is not known of it is left out.
    pub(crate) fn of_query(query: &str) -> Self {
        let mut filter = Self::default();
        for (key, value) in query.split('&').filter_map(|part| part.split_once('=')) {
            let value = decoded(&value.replace('+', " "));
            match key {
                "state" => filter.state = value,
                "site" => filter.site = value,
                "collector" => filter.collector = value,
                _ => {}
            }
        }
        filter
    }

    /// The query that asks for this.
    pub(crate) fn query(&self) -> String {
        let parts = [("state", &self.state), ("site", &self.site), ("collector", &self.collector)];
        let parts =
            parts.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", encoded(value.as_ref()?))));
        let query = parts.collect::<Vec<_>>().join("&");
        if query.is_empty() { query } else { format!("?{query}") }
    }

    /// Whether all is to be seen.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The sites that are to be seen, each with the collectors that are.
    pub(crate) fn apply(&self, sites: &mut Vec<SitePicture>) {
        sites.retain_mut(|site| {
            if self.site.as_ref().is_some_and(|name| *name != site.name) {
                return false;
            }
            let is_of_site = self.state.as_ref().is_none_or(|state| state == site.state.as_ref());
            site.collectors.retain(|collector| self.shows(collector, is_of_site));
            let wants_collectors = self.collector.is_some() || !is_of_site;
            !wants_collectors || !site.collectors.is_empty()
        });
    }

    fn shows(&self, collector: &CollectorPicture, is_of_site: bool) -> bool {
        let is_wanted = self.collector.as_ref().is_none_or(|name| *name == collector.name);
        let has_state = self.state.as_ref().is_none_or(|state| state == collector.state.as_ref());
        is_wanted && (is_of_site || has_state)
    }
}

/// A name as a part of a path or a query.
pub(crate) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, KEPT).to_string()
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().filter(|text| !text.is_empty()).map(Into::into)
}

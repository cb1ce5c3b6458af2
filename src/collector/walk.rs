//! What collectors that walk lists have in common.

use std::collections::HashMap;

use futures_util::future::BoxFuture;
use serde::de::Deserialize;

use super::contract::{CollectError, Collector, Context, Diagnostics};
use crate::metric::{Family, label_value};
use crate::netbackup::{DecodeError, Listing, Page, Text, decode};

/// The most objects of a kind that have series of their own, where nothing else is said: ten times what a large domain has.
pub(super) const MOST_OBJECTS: usize = 2000;

/// The run of a collector that remembers nothing.
pub(super) type StatelessRun =
    for<'a> fn(&'a Context<'a>, &'a mut Diagnostics) -> BoxFuture<'a, Result<Vec<Family>, CollectError>>;

/// A collector that remembers nothing from run to run.
struct Stateless(StatelessRun);

impl Collector for Stateless {
    fn collect<'a>(
        &'a mut self,
        context: &'a Context<'a>,
        diagnostics: &'a mut Diagnostics,
    ) -> BoxFuture<'a, Result<Vec<Family>, CollectError>> {
        (self.0)(context, diagnostics)
    }
}

/// A collector that remembers nothing from run to run: `new: |_| stateless(|context, diagnostics| collect(context, diagnostics).boxed())`.
pub(super) fn stateless(run: StatelessRun) -> Box<dyn Collector> {
    Box::new(Stateless(run))
}

/// What a record of a list becomes.
pub(super) trait FromRecord: Sized + Send {
    /// The record as it comes.
    type Record<'a>: Deserialize<'a>;

    /// What the record says; `None` if it does not even name the object. Malformed fields are counted.
    fn new(record: Self::Record<'_>, malformed: &mut u64) -> Option<Self>;
}

impl Context<'_> {
    /// Walks a list to its end, and gives what its records become. What it had and left out is noted.
    pub(super) async fn list<T: FromRecord>(
        &self,
        listing: &Listing,
        diagnostics: &mut Diagnostics,
    ) -> Result<Vec<T>, CollectError> {
        let mut objects = Vec::new();
        let fold = |text: &str, diagnostics: &mut Diagnostics| {
            fold_page(text, diagnostics, |record: T::Record<'_>, malformed| {
                objects.push(T::new(record, malformed)?);
                Some(())
            })
        };
        self.walk(listing, diagnostics, fold).await?;
        Ok(objects)
    }

    /// Walks a list to its end and folds each page as it arrives; see [`fold_page`]. What it had and left out is noted.
    /// Says whether all of it was read.
    pub(super) async fn walk(
        &self,
        listing: &Listing,
        diagnostics: &mut Diagnostics,
        mut fold: impl FnMut(&str, &mut Diagnostics) -> Result<Page, DecodeError> + Send,
    ) -> Result<bool, CollectError> {
        let walk = self.client.walk(listing, self.deadline, |text| fold(text, diagnostics)).await?;
        diagnostics.truncated |= walk.truncated;
        diagnostics.records += walk.records;
        Ok(!walk.truncated)
    }

    /// How many records a list has, from one request; `None` if the server does not say.
    pub(super) async fn count(
        &self,
        listing: &Listing,
        diagnostics: &mut Diagnostics,
    ) -> Result<Option<u64>, CollectError> {
        let count = self.client.count(listing, self.deadline).await?;
        diagnostics.records += count.unwrap_or(0);
        Ok(count)
    }
}

/// Decodes a page and hands on each record. A record of which `add` makes nothing is counted as malformed; so are the malformed fields
/// that it counts.
pub(super) fn fold_page<'a, R: Deserialize<'a>>(
    text: &'a str,
    diagnostics: &mut Diagnostics,
    mut add: impl FnMut(R, &mut u64) -> Option<()>,
) -> Result<Page, DecodeError> {
    let decoded = decode::<R>(text)?;
    diagnostics.malformed += decoded.malformed;
    for record in decoded.records {
        if add(record, &mut diagnostics.malformed).is_none() {
            diagnostics.malformed += 1;
        }
    }
    Ok(decoded.page)
}

/// A text that becomes a label value; `None` for one that is empty or not there. It is cut as label values are, since records are kept
/// until all pages are read.
pub(super) fn label(field: Text<'_>, malformed: &mut u64) -> Option<String> {
    field.take(malformed).filter(|text| !text.is_empty()).map(|text| label_value(&text).into_owned())
}

/// What is called by a name, which another one may have too, and by an id, which is its own.
pub(super) trait Named {
    /// What tells it from all others: its name, or its id where another one has the same name.
    fn name(&mut self) -> &mut String;
    /// Empty if the record has none.
    fn id(&self) -> &str;
}

/// Objects of one name, such as storage servers of two types on one host, are all called by their ids.
pub(super) fn tell_apart(objects: &mut [impl Named]) {
    let mut names: HashMap<String, usize> = HashMap::new();
    for object in &mut *objects {
        *names.entry(object.name().clone()).or_default() += 1;
    }
    for object in objects {
        if names.get(object.name().as_str()).is_some_and(|count| *count > 1) && !object.id().is_empty() {
            let id = object.id().to_owned();
            *object.name() = id;
        }
    }
}

/// Keeps the first objects by name, and notes how many have no room.
pub(super) fn cap<T>(
    objects: &mut Vec<T>,
    most: usize,
    name: impl Fn(&T) -> &str,
    diagnostics: &mut Diagnostics,
) {
    objects.sort_by(|one, other| name(one).cmp(name(other)));
    diagnostics.capped += objects.len().saturating_sub(most) as u64;
    objects.truncate(most);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_left_out_by_name_and_counted() {
        let mut diagnostics = Diagnostics::default();
        let mut names = vec!["c", "a", "b"];
        cap(&mut names, 2, |name| name, &mut diagnostics);
        assert_eq!((names, diagnostics.capped), (vec!["a", "b"], 1));
    }
}

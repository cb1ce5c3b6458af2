//! A list without pages, read record by record: it may hold all hosts of a domain, and none of it is kept.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::DecodeError;

/// What a list without pages held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListedRecords {
    /// The number of records.
    pub records: u64,
    /// How many of them have not the shape of a record; those are left out.
    pub malformed: u64,
}

/// Hands on each record of the list that stands under `key` in an answer's object.
pub(crate) fn each_record<'a, R: Deserialize<'a>>(
    text: &'a str,
    key: &'static str,
    each: impl FnMut(R),
) -> Result<ListedRecords, DecodeError> {
    let mut found = None;
    let seed = ArrayIn { key, each, found: &mut found, record: PhantomData };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = seed.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    read.map_err(|error| DecodeError::new(&error, text))?;
    found.ok_or(DecodeError::Shape { line: 1, column: 1 })
}

/// The object around the list.
struct ArrayIn<'f, R, E> {
    key: &'static str,
    each: E,
    found: &'f mut Option<ListedRecords>,
    record: PhantomData<R>,
}

impl<'de, R: Deserialize<'de>, E: FnMut(R)> DeserializeSeed<'de> for ArrayIn<'_, R, E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, R: Deserialize<'de>, E: FnMut(R)> Visitor<'de> for ArrayIn<'_, R, E> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an object with a list called {}", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key == self.key {
                let list = Elements { each: &mut self.each, record: PhantomData };
                *self.found = Some(map.next_value_seed(list)?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The list itself.
struct Elements<'e, R, E> {
    each: &'e mut E,
    record: PhantomData<R>,
}

impl<'de, R: Deserialize<'de>, E: FnMut(R)> DeserializeSeed<'de> for Elements<'_, R, E> {
    type Value = ListedRecords;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ListedRecords, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, R: Deserialize<'de>, E: FnMut(R)> Visitor<'de> for Elements<'_, R, E> {
    type Value = ListedRecords;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of records")
    }

    fn visit_unit<E2>(self) -> Result<ListedRecords, E2> {
        Ok(ListedRecords::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<ListedRecords, A::Error> {
        let mut listed = ListedRecords::default();
        while let Some(record) = sequence.next_element::<&'de RawValue>()? {
            listed.records += 1;
            match serde_json::from_str(record.get()) {
                Ok(record) => (self.each)(record),
                Err(_) => listed.malformed += 1,
            }
        }
        Ok(listed)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::netbackup::Field;

    #[derive(serde::Deserialize)]
    struct Host<'a> {
        #[serde(borrow, default)]
        name: Field<Cow<'a, str>>,
    }

    fn names(text: &str) -> Result<(Vec<String>, ListedRecords), DecodeError> {
        let mut names = Vec::new();
        let listed = each_record(text, "hosts", |host: Host<'_>| {
            names.extend(host.name.take(&mut 0).map(Cow::into_owned));
        })?;
        Ok((names, listed))
    }

    #[test]
    fn a_list_without_pages_is_read_record_by_record_and_a_malformed_one_is_lost_alone() {
        let text = r#"{"links":{},"hosts":[{"name":"a"},17,{"name":"b\n"},null],"after":[1]}"#;
        let (names, listed) = names(text).unwrap();
        assert_eq!(names, ["a", "b\n"]);
        assert_eq!(listed, ListedRecords { records: 4, malformed: 2 });
    }

    #[test]
    fn no_list_is_an_error_and_null_is_an_empty_one() {
        assert_eq!(names(r#"{"hosts":null}"#).unwrap().1, ListedRecords::default());
        assert!(matches!(names(r#"{"errorCode":1}"#), Err(DecodeError::Shape { .. })));
        assert!(matches!(names(r#"{"hosts":[{"name":"a""#), Err(DecodeError::Syntax { .. })));
        assert_eq!(names("<html>").unwrap_err(), DecodeError::Html);
    }
}

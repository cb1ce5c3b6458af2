//! A part of a record that is more than one value, which takes whatever comes.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Field;

/// An object in a record: anything else loses this part, and not its record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part<T>(Field<T>);

/// A list in a record: anything else loses this list, and not its record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartList<T>(Field<Vec<T>>);

impl<T> Part<T> {
    /// The object, if there is one; anything else is counted.
    pub(crate) fn take(self, malformed: &mut u64) -> Option<T> {
        self.0.take(malformed)
    }
}

impl<T> PartList<T> {
    /// The list, if there is one; anything else is counted.
    pub(crate) fn take(self, malformed: &mut u64) -> Option<Vec<T>> {
        self.0.take(malformed)
    }
}

// Derived, these would ask for a `T` that has a default.
impl<T> Default for Part<T> {
    fn default() -> Self {
        Self(Field::Absent)
    }
}

impl<T> Default for PartList<T> {
    fn default() -> Self {
        Self(Field::Absent)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor(PhantomData)).map(Self)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for PartList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartListVisitor(PhantomData)).map(Self)
    }
}

struct PartVisitor<T>(PhantomData<T>);

struct PartListVisitor<T>(PhantomData<T>);

/// `null` is absent, and a single value is no part.
macro_rules! no_single_values {
    ($value:ty) => {
        type Value = Field<$value>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("any value")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Field::Absent)
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(Field::Malformed)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Field::Malformed)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Field::Malformed)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Field::Malformed)
        }

        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(Field::Malformed)
        }
    };
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for PartVisitor<T> {
    no_single_values!(T);

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Field::Value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Malformed)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for PartListVisitor<T> {
    no_single_values!(Vec<T>);

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Malformed)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = sequence.next_element()? {
            parts.push(part);
        }
        Ok(Field::Value(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netbackup::{Text, decode};

    #[derive(serde::Deserialize)]
    struct Holder<'a> {
        #[serde(borrow, default)]
        name: Text<'a>,
        #[serde(borrow, default)]
        part: Part<Inner<'a>>,
        #[serde(borrow, default)]
        parts: PartList<Part<Inner<'a>>>,
    }

    #[derive(serde::Deserialize)]
    struct Inner<'a> {
        #[serde(borrow, default)]
        name: Text<'a>,
    }

    /// The names of the record, of its part and of its parts, and how much was malformed.
    fn names(record: &str) -> (Vec<String>, u64) {
        let text = format!(r#"{{"data":[{record}]}}"#);
        let decoded = decode::<Holder<'_>>(&text).unwrap();
        let mut malformed = decoded.malformed;
        let mut names = Vec::new();
        for holder in decoded.records {
            names.extend(holder.name.take(&mut malformed));
            let part = holder.part.take(&mut malformed);
            names.extend(part.and_then(|part| part.name.take(&mut malformed)));
            for part in holder.parts.take(&mut malformed).unwrap_or_default() {
                names.extend(part.take(&mut malformed).and_then(|part| part.name.take(&mut malformed)));
            }
        }
        (names.into_iter().map(std::borrow::Cow::into_owned).collect(), malformed)
    }

    #[test]
    fn a_part_is_an_object_or_a_list_of_objects() {
        let record = r#"{"name":"a","part":{"name":"b\n"},"parts":[{"name":"c"},{},{"name":"d"}]}"#;
        assert_eq!(names(record), (["a", "b\n", "c", "d"].map(str::to_owned).to_vec(), 0));
        assert_eq!(names(r#"{"name":"a","part":null,"parts":null}"#), (vec!["a".to_owned()], 0));
    }

    #[test]
    fn what_is_no_part_is_lost_alone() {
        for other in ["17", "-1", "1.5", "true", "\"x\"", "\"\\n\"", "[1,{\"a\":[2]}]"] {
            let record = format!(r#"{{"part":{other},"name":"a"}}"#);
            assert_eq!(names(&record), (vec!["a".to_owned()], 1), "{other}");
        }
        for other in ["17", "\"x\"", "{\"a\":{\"b\":[2]}}"] {
            let record = format!(r#"{{"parts":{other},"name":"a"}}"#);
            assert_eq!(names(&record), (vec!["a".to_owned()], 1), "{other}");
        }
        assert_eq!(names(r#"{"parts":[1,{"name":"b"},[]]}"#), (vec!["b".to_owned()], 2));
    }
}

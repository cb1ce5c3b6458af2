//! A field of a record, which takes whatever comes.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A field of a record that takes whatever comes: a malformed value loses the field, never its page.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Field<T> {
    /// Not there, or null; both are what NetBackup does with an optional attribute.
    #[default]
    Absent,
    /// Something that is no `T`.
    Malformed,
    /// The value.
    Value(T),
}

impl<T> Field<T> {
    /// The value, if there is one; a malformed one is counted.
    pub(crate) fn take(self, malformed: &mut u64) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent => None,
            Self::Malformed => {
                *malformed += 1;
                None
            }
        }
    }

    fn of(value: Option<T>) -> Self {
        value.map_or(Self::Malformed, Self::Value)
    }
}

/// What a [`Field`] can hold, from the scalars of JSON.
pub(crate) trait FieldValue<'de>: Sized {
    /// From a string.
    fn text(text: Cow<'de, str>) -> Option<Self>;
    /// From a whole number.
    fn integer(number: i128) -> Option<Self>;
    /// From another number.
    fn float(_number: f64) -> Option<Self> {
        None
    }
    /// From `true` or `false`.
    fn boolean(_value: bool) -> Option<Self> {
        None
    }
}

impl FieldValue<'_> for u64 {
    fn text(text: Cow<'_, str>) -> Option<Self> {
        text.trim().parse().ok()
    }
    fn integer(number: i128) -> Option<Self> {
        number.try_into().ok()
    }
    // `0.0` comes where whole numbers are documented; the range is checked, so the cast keeps the value.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn float(number: f64) -> Option<Self> {
        (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as Self)
    }
}

impl FieldValue<'_> for i64 {
    fn text(text: Cow<'_, str>) -> Option<Self> {
        text.trim().parse().ok()
    }
    fn integer(number: i128) -> Option<Self> {
        number.try_into().ok()
    }
    // As for `u64`.
    #[allow(clippy::cast_possible_truncation)]
    fn float(number: f64) -> Option<Self> {
        (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as Self)
    }
}

impl FieldValue<'_> for f64 {
    fn text(text: Cow<'_, str>) -> Option<Self> {
        text.trim().parse().ok().filter(|number: &Self| number.is_finite())
    }
    fn integer(number: i128) -> Option<Self> {
        Some(number as Self)
    }
    fn float(number: f64) -> Option<Self> {
        Some(number)
    }
}

impl FieldValue<'_> for bool {
    fn text(text: Cow<'_, str>) -> Option<Self> {
        text.trim().to_ascii_lowercase().parse().ok()
    }
    fn integer(number: i128) -> Option<Self> {
        matches!(number, 0 | 1).then_some(number == 1)
    }
    fn boolean(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl<'de: 'a, 'a> FieldValue<'de> for Cow<'a, str> {
    fn text(text: Cow<'de, str>) -> Option<Self> {
        Some(text)
    }
    fn integer(number: i128) -> Option<Self> {
        Some(Cow::Owned(number.to_string()))
    }
}

/// A point in time in whole seconds since 1970, from an ISO 8601 date-time.
///
/// 1970 itself is `None`: NetBackup writes it, or a year before it, for "not yet".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub Option<i64>);

impl FieldValue<'_> for Time {
    fn text(text: Cow<'_, str>) -> Option<Self> {
        let time: jiff::Timestamp = text.parse().ok()?;
        Some(Self(Some(time.as_second()).filter(|second| *second > 0)))
    }
    fn integer(_number: i128) -> Option<Self> {
        None
    }
}

/// A text of a record.
pub(crate) type Text<'a> = Field<Cow<'a, str>>;

/// A size in bytes, or another large count.
///
/// 2⁶² and more is `None`: NetBackup writes such numbers for storage without an end, as cloud storage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub Option<u64>);

impl Size {
    fn of(number: u64) -> Self {
        Self(Some(number).filter(|number| *number < 1 << 62))
    }
}

impl FieldValue<'_> for Size {
    fn text(text: Cow<'_, str>) -> Option<Self> {
        u64::text(text).map(Self::of)
    }
    fn integer(number: i128) -> Option<Self> {
        u64::integer(number).map(Self::of)
    }
    fn float(number: f64) -> Option<Self> {
        // The sentinel as a float is beyond the whole numbers that a float has.
        if number >= 9e15 { Some(Self(None)) } else { u64::float(number).map(Self::of) }
    }
}

impl Field<Size> {
    /// The size, if there is one; a malformed one is counted.
    pub(crate) fn size(self, malformed: &mut u64) -> Option<u64> {
        self.take(malformed).and_then(|size| size.0)
    }
}

impl Field<Time> {
    /// The second since 1970, if there is one; a malformed time is counted.
    pub(crate) fn second(self, malformed: &mut u64) -> Option<i64> {
        self.take(malformed).and_then(|time| time.0)
    }
}

impl<'de, T: FieldValue<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

impl<'de, T: FieldValue<'de>> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::of(T::text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Field::of(T::text(Cow::Owned(text.to_owned()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Field::of(T::integer(number.into())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Field::of(T::integer(number.into())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Field::of(T::float(number)))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Field::of(T::boolean(value)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Malformed)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: for<'de> FieldValue<'de> + PartialEq + fmt::Debug>(json: &str, expected: &Field<T>) {
        assert_eq!(serde_json::from_str::<Field<T>>(json).unwrap(), *expected, "{json}");
    }

    #[test]
    fn a_number_may_come_as_text_or_with_a_fraction_of_zero() {
        check("7", &Field::Value(7_u64));
        check("\" 7 \"", &Field::Value(7_u64));
        check("7.0", &Field::Value(7_u64));
        check("7.5", &Field::<u64>::Malformed);
        check("-1", &Field::<u64>::Malformed);
        check("-99", &Field::Value(-99_i64));
        check("\"\"", &Field::<u64>::Malformed);
        check("\"93.1\"", &Field::Value(93.1_f64));
        check("3", &Field::Value(3.0_f64));
    }

    #[test]
    fn null_is_absent_and_anything_else_is_malformed() {
        check("null", &Field::<u64>::Absent);
        check("[1,{\"a\":2}]", &Field::<u64>::Malformed);
        check("{\"a\":[1]}", &Field::<f64>::Malformed);
        check("true", &Field::<u64>::Malformed);
        check("\"TRUE\"", &Field::Value(true));
        check("1", &Field::Value(true));
    }

    #[test]
    fn a_time_is_whole_seconds_and_nineteen_seventy_is_none() {
        check("\"2026-02-03T01:00:04.900Z\"", &Field::Value(Time(Some(1_770_080_404))));
        check("\"1970-01-01T00:00:00.000Z\"", &Field::Value(Time(None)));
        check("\"0001-01-01T00:00:00Z\"", &Field::Value(Time(None)));
        check("\"\"", &Field::<Time>::Malformed);
        check("1770080404", &Field::<Time>::Malformed);
    }

    #[test]
    fn a_size_without_an_end_is_none() {
        check("4611686018427387903", &Field::Value(Size(Some((1 << 62) - 1))));
        check("4611686018427387904", &Field::Value(Size(None)));
        check("9223372036854775807", &Field::Value(Size(None)));
        check("9.223372036854775807e18", &Field::Value(Size(None)));
        check("\"12\"", &Field::Value(Size(Some(12))));
        check("-1", &Field::<Size>::Malformed);
    }

    #[test]
    fn text_is_borrowed_unless_it_is_escaped() {
        let plain: Field<Cow<'_, str>> = serde_json::from_str("\"BACKUP\"").unwrap();
        assert!(matches!(plain, Field::Value(Cow::Borrowed("BACKUP"))));
        let escaped: Field<Cow<'_, str>> = serde_json::from_str("\"a\\nb\"").unwrap();
        assert!(matches!(escaped, Field::Value(Cow::Owned(text)) if text == "a\nb"));
    }
}

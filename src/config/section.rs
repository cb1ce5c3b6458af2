//! The macro that declares a section of the file: one table is the type, the reading, the schema and the documentation.

/// Declares a section: the type that holds its keys, and the table that describes them.
macro_rules! section {
    ($(#[doc = $about:literal])* $name:ident {
        $($(#[doc = $doc:literal])* $field:ident: $type:ty = $key:literal $(or $default:literal)?;)*
    }) => {
        $(#[doc = $about])*
        #[derive(Clone)]
        #[allow(dead_code, reason = "keys without effect are read for their warning only")]
        pub(in crate::config) struct $name {
            $($(#[doc = $doc])* pub(in crate::config) $field: Slot<$type>,)*
        }

        impl $name {
            /// The keys in the order of the declaration.
            pub(in crate::config) const KEYS: &'static [Key] = &[$(Key {
                name: $key,
                default: section!(@default $($default)?),
                about: &[$($doc),*],
                shape: <$type as Decode>::shape,
            }),*];
        }

        impl Decode for $name {
            fn decode(node: &Node, decoder: &mut Decoder<'_>) -> Result<Self, NoValue> {
                decoder.section(node, Self::KEYS)?;
                let mut keys = Self::KEYS.iter();
                $(let $field = decoder.slot(node, keys.next().ok_or(NoValue::Absent)?);)*
                Ok(Self { $($field),* })
            }

            fn shape() -> Shape {
                Shape::Section(Self::KEYS)
            }
        }
    };
    (@default $default:literal) => { Some($default) };
    (@default) => { None };
}

pub(super) use section;

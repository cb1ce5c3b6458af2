//! The vocabulary of samples: what a metric family is, and its text of one site.

mod desc;
mod family;
mod head;
mod histogram;
mod label;
mod names;
mod sample;
mod value;

pub use desc::{Desc, Labelled, MetricKind, Naming};
pub use family::{Family, FamilyBuilder};
pub use head::TextFormat;
pub(crate) use head::{end, head};
pub(crate) use histogram::Histogram;
pub(crate) use label::{MOST_LABEL_SETS, label_value};
pub(crate) use names::MetricNames;
pub(crate) use sample::{Sample, samples};
pub(crate) use value::{flag, one_of, seconds};

//! The vocabulary of samples: what a metric family is, and its text of one site.

mod desc;
mod family;
mod histogram;
mod label;
mod names;
mod value;

pub use desc::{Desc, MetricKind, Naming};
pub use family::Family;
pub use histogram::Histogram;
pub use label::{MOST_LABEL_SETS, label_value};
pub use names::MetricNames;
pub use value::{flag, seconds};

//! Times and durations on a page.

use jiff::Timestamp;
use maud::{Markup, html};

use super::frame::Reader;
use crate::status::in_words;

impl Reader<'_> {
    /// How long ago something was.
    pub(super) fn ago(&self, moment: Timestamp) -> Markup {
        let said = format!("{} ago", in_words(self.seconds_since(moment)));
        element(moment, &said)
    }

    /// How soon something comes.
    pub(super) fn soon(&self, moment: Timestamp) -> Markup {
        let left = -self.seconds_since(moment);
        let said = if left < 1.0 { "now".to_owned() } else { format!("in {}", in_words(left)) };
        element(moment, &said)
    }

    /// When something ends, or has ended.
    pub(super) fn end(&self, moment: Timestamp) -> Markup {
        if self.seconds_since(moment) < 0.0 { self.soon(moment) } else { self.ago(moment) }
    }

    fn seconds_since(&self, moment: Timestamp) -> f64 {
        self.now.duration_since(moment).as_secs_f64()
    }
}

fn element(moment: Timestamp, said: &str) -> Markup {
    let moment = format!("{moment:.0}");
    html! { time datetime=(moment) title=(moment) { (said) } }
}

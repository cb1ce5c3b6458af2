//! What the terminal takes.

use std::io::{self, IsTerminal as _};

/// Whether what is printed has colours: only on a terminal, and not where <https://no-color.org> asks for none.
pub(super) fn has_colours() -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !plain
}

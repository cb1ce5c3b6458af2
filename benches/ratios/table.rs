//! The table of results, and the goals that its rows are judged by.

/// One line of the table.
pub struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    goal: Option<Goal>,
    note: String,
}

/// What a value is to be.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At most this.
    Most(f64),
    /// At least this.
    Least(f64),
}

impl Row {
    /// A value with its goal; `unit` is `×` for a ratio.
    pub fn new(
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        goal: impl Into<Option<Goal>>,
    ) -> Self {
        Self { what: what.into(), value, unit, goal: goal.into(), note: String::new() }
    }

    /// Adds what explains the value.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// The row before the table is there.
    pub fn line(&self) -> String {
        self.cells().join(" · ")
    }

    fn cells(&self) -> [String; 5] {
        let (goal, verdict) = match self.goal {
            None => (String::new(), ""),
            Some(Goal::Most(most)) => (format!("≤ {most}"), verdict(self.value <= most)),
            Some(Goal::Least(least)) => (format!("≥ {least}"), verdict(self.value >= least)),
        };
        let value = format!("{:.2} {}", self.value, self.unit);
        [self.what.clone(), goal, value, verdict.to_owned(), self.note.clone()]
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "ok" } else { "missed" }
}

/// Prints the rows as a Markdown table.
pub fn print(rows: &[Row]) {
    let mut lines = vec![["what", "goal", "measured", "", "beside it"].map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let widths: Vec<_> = (0..5)
        .map(|column| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0).max(3))
        .collect();
    for (number, cells) in lines.iter().enumerate() {
        let cells: Vec<_> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("| {} |", cells.join(" | "));
        if number == 0 {
            let rules: Vec<_> = widths.iter().map(|width| "-".repeat(*width)).collect();
            println!("| {} |", rules.join(" | "));
        }
    }
}

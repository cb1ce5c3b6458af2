//! Whether a test holds for a value.

use std::cmp::Ordering;

use super::Operator;
use super::parser::{Case, Test};
use super::value::{Value, compare};

impl Test {
    /// Whether the value is compared as it is, and not in lower or upper case.
    pub(crate) fn is_plain(&self) -> bool {
        self.case == Case::Kept
    }

    /// A comparison with an absent value is false, but for `ne` (`OData`: null differs from every value).
    pub(super) fn holds(&self, value: &Value<'_>) -> bool {
        if *value == Value::Absent {
            return self.operator == Operator::NotEqual;
        }
        if let (Value::Text(value), Value::Text(literal)) = (value, &self.literal) {
            return match self.case {
                Case::Kept => holds_text(self.operator, value, literal),
                Case::Lower => holds_text(self.operator, &value.to_lowercase(), literal),
                Case::Upper => holds_text(self.operator, &value.to_uppercase(), literal),
            };
        }
        holds_order(self.operator, compare(value, &self.literal))
    }
}

fn holds_text(operator: Operator, value: &str, literal: &str) -> bool {
    match operator {
        Operator::Contains => value.contains(literal),
        Operator::StartsWith => value.starts_with(literal),
        Operator::EndsWith => value.ends_with(literal),
        _ => holds_order(operator, value.cmp(literal)),
    }
}

fn holds_order(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Contains | Operator::StartsWith | Operator::EndsWith => false,
    }
}

//! What a filter accepts and matches.

use super::parser::FilterError;
use super::*;

static FIELDS: &[Field] = &[
    field("name", AttributeType::Text, Operators::All),
    field("state", AttributeType::Text, Operators::Equality),
    field("jobId", AttributeType::Integer, Operators::Ordered),
    field("ratio", AttributeType::Float, Operators::Ordered),
    field("endTime", AttributeType::Time, Operators::Ordered),
    field("elapsed", AttributeType::Duration, Operators::Ordered),
    field("worm", AttributeType::Boolean, Operators::Equality),
    field("mode", AttributeType::Code(&["NONE", "ONE"]), Operators::Equality),
    field("hidden", AttributeType::Text, Operators::None),
];

const fn field(name: &'static str, kind: AttributeType, operators: Operators) -> Field {
    Field { name, attribute: name, kind, operators, sortable: true }
}

impl Record for serde_json::Value {
    fn value(&self, field: &'static Field) -> Value<'_> {
        Value::of_json(field, self.get(field.attribute))
    }
}

fn check(filter: &str, expected: bool) {
    let record = serde_json::json!({
        "name": "O'Neil stu", "state": "DONE", "jobId": 7, "ratio": 93.5, "endTime": "2026-02-03T01:21:40.000Z",
        "elapsed": "PT5M46S", "worm": true, "mode": "ONE"
    });
    let expression = parse(filter, FIELDS).unwrap_or_else(|error| panic!("{filter}: {error}"));
    assert_eq!(expression.matches(&record), expected, "{filter}");
}

#[test]
fn each_operator_compares_as_documented() {
    check("jobId eq 7", true);
    check("jobId ne 7", false);
    check("jobId gt 6", true);
    check("jobId ge 7", true);
    check("jobId lt 7", false);
    check("jobId le 7", true);
    check("ratio gt 93", true);
    check("elapsed ge PT5M", true);
    check("elapsed lt 'PT5M'", false);
    check("worm eq true", true);
    check("mode eq 1", true);
    check("mode eq 0", false);
}

#[test]
fn and_binds_tighter_than_or_and_not_tighter_than_both() {
    check("jobId eq 7 or jobId eq 8 and state eq 'ACTIVE'", true);
    check("(jobId eq 7 or jobId eq 8) and state eq 'ACTIVE'", false);
    check("not state eq 'ACTIVE' and jobId eq 7", true);
    check("not (state eq 'DONE' and jobId eq 7)", false);
}

#[test]
fn text_functions_and_quotes_work() {
    check("name eq 'O''Neil stu'", true);
    check("contains(name,'Neil')", true);
    check("startswith(name, 'Neil')", false);
    check("endswith(name,'stu') and contains(tolower(name),'o''neil')", true);
    check("toupper(name) eq 'O''NEIL STU'", true);
}

#[test]
fn times_are_taken_bare_and_quoted_with_any_offset() {
    check("endTime ge 2026-02-03T01:21:40Z", true);
    check("endTime gt '2026-02-03T01:21:40.000Z'", false);
    check("endTime eq 2026-02-03T02:21:40+01:00", true);
}

#[test]
fn an_absent_attribute_only_differs() {
    let record = serde_json::json!({});
    for (filter, expected) in
        [("jobId eq 1", false), ("jobId ne 1", true), ("jobId ge 0", false), ("contains(name,'')", false)]
    {
        assert_eq!(parse(filter, FIELDS).unwrap().matches(&record), expected, "{filter}");
    }
}

#[test]
fn a_bad_filter_is_refused() {
    for filter in [
        "",
        "jobId",
        "jobId eq",
        "jobId eq '7'",
        "jobId eq seven",
        "name eq stu",
        "name eq 'open",
        "jobId eq 7 and",
        "jobId eq 7 jobId eq 8",
        "(jobId eq 7",
        "jobId eq 7)",
        "jobId is 7",
        "unknown eq 7",
        "hidden eq 'x'",
        "state gt 'DONE'",
        "contains(jobId,'7')",
        "contains(name)",
        "tolower(jobId) eq '7'",
        "endTime ge yesterday",
        "endTime ge 2026-02-03T01:21:40",
        "ratio gt NaN",
        "jobId%20eq%207",
        "endTime%20ge%202026-02-03T01%3A21%3A40Z",
    ] {
        assert!(parse(filter, FIELDS).is_err(), "{filter}");
    }
    assert!(matches!(parse(&"not ".repeat(10_000), FIELDS), Err(FilterError::TooDeep)));
}

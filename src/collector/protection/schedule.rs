//! The schedules of a policy, as its details have them.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::civil::Date;
use serde_json::value::RawValue;

use super::days::RunDays;
use super::interval::{PolicySchedule, ScheduleRule};
use super::week::{DAY, StartWeek};
use crate::netbackup::{DecodeError, Field, Size, Text};

/// What users, applications, Vault or a deployment start: an open window is no due date for it ("NetBackup API reference", `backupType`
/// of the schedules of all policy types).
const NOT_STARTED_BY_THE_SERVER: [&str; 12] = [
    "APPLICATION BACKUP",
    "AUTOMATIC VAULT",
    "INSTALL",
    "INSTALL PACKAGE",
    "PRECHECK",
    "PRE CHECK",
    "STAGE",
    "STAGE PACKAGE",
    "USER ARCHIVE",
    "USER BACKUP",
    "VAULT",
    "VAULT CATALOG BACKUP",
];

/// The schedules that the server starts by itself, and how many fields were malformed.
///
/// From version 12.0 on the details stand under `policyGeneric`, before it under a name for each type of policy; there is one.
pub(super) fn schedules(text: &str) -> Result<(Vec<PolicySchedule>, u64), DecodeError> {
    let misshapen =
        |error: serde_json::Error| DecodeError::Shape { line: error.line(), column: error.column() };
    let envelope: DetailsEnvelope<'_> = serde_json::from_str(text).map_err(misshapen)?;
    let mut objects = envelope.data.attributes.into_values();
    let object: DetailsObject<'_> = objects
        .find_map(|object| serde_json::from_str(object.get()).ok())
        .ok_or(DecodeError::Shape { line: 1, column: 1 })?;
    let (mut schedules, mut malformed) = (Vec::new(), 0);
    for record in object.schedules.unwrap_or_default() {
        match serde_json::from_str::<ScheduleRecord<'_>>(record.get()) {
            Ok(record) => schedules.extend(schedule(record, &mut malformed)),
            Err(_) => malformed += 1,
        }
    }
    Ok((schedules, malformed))
}

#[derive(serde::Deserialize)]
struct DetailsEnvelope<'a> {
    #[serde(borrow)]
    data: DetailsData<'a>,
}

#[derive(serde::Deserialize)]
struct DetailsData<'a> {
    #[serde(borrow)]
    attributes: HashMap<Cow<'a, str>, &'a RawValue>,
}

#[derive(serde::Deserialize)]
struct DetailsObject<'a> {
    #[serde(borrow, default)]
    schedules: Option<Vec<&'a RawValue>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScheduleRecord<'a> {
    #[serde(borrow, default)]
    backup_type: Text<'a>,
    #[serde(borrow, default)]
    schedule_type: Text<'a>,
    #[serde(default)]
    frequency_seconds: Field<Size>,
    #[serde(default)]
    start_window: Option<Vec<WindowRecord>>,
    #[serde(borrow, default)]
    include_dates: Option<RunDaysRecord<'a>>,
    #[serde(borrow, default)]
    exclude_dates: Option<RunDaysRecord<'a>>,
    #[serde(default)]
    retries_allowed_after_run_day: Field<bool>,
    #[serde(default)]
    snapshot_only: Field<bool>,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct WindowRecord {
    #[serde(default)]
    day_of_week: Field<u64>,
    #[serde(default)]
    start_seconds: Field<u64>,
    #[serde(default)]
    duration_seconds: Field<u64>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunDaysRecord<'a> {
    #[serde(default)]
    last_day_of_month: Field<bool>,
    #[serde(default)]
    recurring_days_of_month: Option<Vec<Field<u64>>>,
    #[serde(borrow, default)]
    recurring_days_of_week: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    specific_dates: Option<Vec<Text<'a>>>,
}

/// `None` for one that the server does not start by itself.
fn schedule(record: ScheduleRecord<'_>, malformed: &mut u64) -> Option<PolicySchedule> {
    let backup_type = words(&record.backup_type.take(malformed).unwrap_or_default());
    if NOT_STARTED_BY_THE_SERVER.contains(&backup_type.as_str()) {
        return None;
    }
    let frequency = record.frequency_seconds.size(malformed);
    let rule = match words(&record.schedule_type.take(malformed).unwrap_or_default()).as_str() {
        "CALENDAR" => ScheduleRule::Calendar {
            include: run_days(record.include_dates, malformed),
            exclude: run_days(record.exclude_dates, malformed),
            retries: record.retries_allowed_after_run_day.take(malformed).unwrap_or(false),
        },
        _ => ScheduleRule::Frequency(frequency?),
    };
    let windows = record.start_window.unwrap_or_default();
    let windows = (1..).zip(windows).filter_map(|(entry, window)| start(entry, window, malformed));
    let windows = StartWeek::new(windows.collect::<Vec<_>>());
    let snapshot_only = record.snapshot_only.take(malformed).unwrap_or(false);
    Some(PolicySchedule { rule, windows, snapshot_only })
}

/// In capitals, with spaces between: the schemas differ in both.
fn words(text: &str) -> String {
    text.trim().replace(['_', '-'], " ").to_ascii_uppercase()
}

/// When a window opens, in seconds since the midnight before Sunday, and for how long. Entry 1 is that of Sunday unless it says otherwise.
fn start(entry: u64, window: WindowRecord, malformed: &mut u64) -> Option<(u64, u64)> {
    let day = window.day_of_week.take(malformed).unwrap_or(entry);
    let length = window.duration_seconds.take(malformed)?;
    let second = window.start_seconds.take(malformed)?;
    if !(1..=7).contains(&day) || second > DAY {
        *malformed += 1;
        return None;
    }
    Some(((day - 1) * DAY + second, length))
}

fn run_days(record: Option<RunDaysRecord<'_>>, malformed: &mut u64) -> RunDays {
    let Some(record) = record else { return RunDays::default() };
    let mut days = RunDays {
        last_of_month: record.last_day_of_month.take(malformed).unwrap_or(false),
        ..RunDays::default()
    };
    for day in record.recurring_days_of_month.unwrap_or_default() {
        let day = day.take(malformed);
        days.of_month.extend(sound(day, |day| u8::try_from(*day).ok(), malformed));
    }
    for day in record.recurring_days_of_week.unwrap_or_default() {
        let day = day.take(malformed);
        days.of_week.extend(sound(day, |day| day_of_week(day), malformed));
    }
    for date in record.specific_dates.unwrap_or_default() {
        let date = date.take(malformed);
        days.dates.extend(sound(date, |date| day_of(date), malformed));
    }
    days
}

/// What a value means; one that means nothing is counted.
fn sound<T, R>(value: Option<T>, read: impl FnOnce(&T) -> Option<R>, malformed: &mut u64) -> Option<R> {
    let value = value?;
    let read = read(&value);
    *malformed += u64::from(read.is_none());
    read
}

/// `WEEK:DAY`.
fn day_of_week(text: &str) -> Option<(u8, u8)> {
    let (week, day) = text.split_once(':')?;
    let (week, day) = (week.trim().parse().ok()?, day.trim().parse().ok()?);
    ((1..=5).contains(&week) && (1..=7).contains(&day)).then_some((week, day))
}

/// `YYYY-MM-DD`, and a time may follow.
fn day_of(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::civil::date;

    use super::super::interval::PolicyDue;
    use super::*;

    const TODAY: Date = date(2026, 2, 10);

    fn details(object: &str, schedule: &str) -> String {
        format!(
            r#"{{"data":{{"type":"policy","id":"p","attributes":{{"{object}":{{"policyName":"p","schedules":[{schedule}]}}}}}}}}"#
        )
    }

    fn read(schedule: &str) -> (Option<u64>, u64) {
        let (schedules, malformed) = schedules(&details("policyGeneric", schedule)).unwrap();
        let interval = PolicyDue::of(&schedules, TODAY).interval;
        (interval.as_ref().map(Duration::as_secs), malformed)
    }

    const ALL_WEEK: &str = r#""startWindow":[{"dayOfWeek":1,"startSeconds":0,"durationSeconds":604800}]"#;

    #[test]
    fn the_details_are_read_in_the_generic_schema_and_in_that_of_any_type() {
        let weekdays = r#"{"scheduleName":"daily","scheduleType":"Frequency","backupType":"Differential Incremental Backup",
            "frequencySeconds":86400,"snapshotOnly":false,"retriesAllowedAfterRunDay":false,"startWindow":[
            {"dayOfWeek":1,"startSeconds":0,"durationSeconds":0},{"dayOfWeek":2,"startSeconds":72000,"durationSeconds":28800},
            {"dayOfWeek":3,"startSeconds":72000,"durationSeconds":28800},{"dayOfWeek":4,"startSeconds":72000,"durationSeconds":28800},
            {"dayOfWeek":5,"startSeconds":72000,"durationSeconds":28800},{"dayOfWeek":6,"startSeconds":72000,"durationSeconds":28800},
            {"dayOfWeek":7,"startSeconds":0,"durationSeconds":0}],"includeDates":{},"excludeDates":null}"#;
        assert_eq!(read(weekdays), (Some(3 * DAY), 0));
        let of_type = schedules(&details("policyVMware", weekdays)).unwrap();
        assert_eq!(of_type, schedules(&details("policyGeneric", weekdays)).unwrap());
    }

    #[test]
    fn what_the_server_does_not_start_by_itself_is_no_due_date() {
        for backup_type in [
            "User Backup",
            "User Archive",
            "Application Backup",
            "Precheck",
            "PRECHECK",
            "STAGE",
            "Stage Package",
            "Install Package",
            "INSTALL_PACKAGE",
        ] {
            let schedule = format!(
                r#"{{"backupType":"{backup_type}","scheduleType":"Frequency","frequencySeconds":3600,{ALL_WEEK}}}"#
            );
            assert_eq!(read(&schedule), (None, 0), "{backup_type}");
            let full = schedule.replace(backup_type, "Full Backup");
            assert_eq!(read(&format!("{schedule},{full}")), (Some(3_600), 0));
        }
        let deployment = r#"{"backupType":"INSTALL","scheduleName":"x","deploymentWindow":{"startDateTime":"2026-02-10T00:00:00Z"}}"#;
        assert_eq!(read(deployment), (None, 0));
    }

    #[test]
    fn a_calendar_is_read_with_all_its_days() {
        let calendar = |dates: &str| {
            format!(
                r#"{{"backupType":"Full Backup","scheduleType":"Calendar","frequencySeconds":0,{ALL_WEEK},"includeDates":{dates}}}"#
            )
        };
        for (dates, days, malformed) in [
            (
                r#"{"lastDayOfMonth":false,"recurringDaysOfMonth":[1],"recurringDaysOfWeek":[],"specificDates":[]}"#,
                31,
                0,
            ),
            (r#"{"recurringDaysOfMonth":["1",15.0]}"#, 17, 0),
            (r#"{"recurringDaysOfWeek":["1:1","2:1","3:1","4:1","5:1"]}"#, 7, 0),
            (r#"{"specificDates":["2026-02-01","2026-02-21T00:00:00Z"]}"#, 20, 0),
            (
                r#"{"lastDayOfMonth":"TRUE","recurringDaysOfWeek":["6:1","1:8","Sunday"],"specificDates":["soon","2026-02-30"]}"#,
                31,
                5,
            ),
        ] {
            assert_eq!(read(&calendar(dates)), (Some(days * DAY), malformed), "{dates}");
        }
        assert_eq!(read(&calendar("null")), (None, 0));
    }

    #[test]
    fn numbers_come_as_text_or_floats_and_a_malformed_one_costs_only_itself() {
        let schedule = |frequency: &str, windows: &str| {
            format!(
                r#"{{"backupType":"Full Backup","scheduleType":"FREQUENCY","frequencySeconds":{frequency},"startWindow":{windows}}}"#
            )
        };
        let daily = r#"[{"startSeconds":"0","durationSeconds":604800.0}]"#;
        assert_eq!(read(&schedule("\"86400\"", daily)), (Some(DAY), 0));
        assert_eq!(read(&schedule("9223372036854775807", daily)), (None, 0));
        assert_eq!(read(&schedule("null", daily)), (None, 0));
        assert_eq!(read(&schedule("86400", "null")), (None, 0));
        let odd = r#"[{"dayOfWeek":8,"startSeconds":0,"durationSeconds":1},{"startSeconds":-1,"durationSeconds":1},
            {"startSeconds":90000,"durationSeconds":1},{"dayOfWeek":4,"startSeconds":0,"durationSeconds":3600}]"#;
        assert_eq!(read(&schedule("86400", odd)), (Some(7 * DAY), 3));
        let broken = schedule("86400", r#"{"no":"list"}"#);
        assert_eq!(read(&format!("{broken},17,{}", schedule("3600", daily))), (Some(3_600), 2));
    }

    #[test]
    fn an_answer_without_details_is_an_error_and_details_without_schedules_are_none() {
        for text in [
            "{}",
            "[]",
            r#"{"data":null}"#,
            r#"{"data":{"attributes":{}}}"#,
            r#"{"data":{"attributes":{"a":1}}}"#,
        ] {
            assert!(schedules(text).is_err(), "{text}");
        }
        assert_eq!(
            schedules(r#"{"data":{"attributes":{"policyX":{"policyName":"p"}}}}"#).unwrap(),
            (Vec::new(), 0)
        );
    }
}

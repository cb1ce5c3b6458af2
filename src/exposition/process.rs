//! The standard metrics of a process, read from `/proc`.

use std::fs;

use super::{Reading, Readings};

/// Clock ticks per second in `/proc/PID/stat`: `USER_HZ`, which is 100 on every architecture of Linux that Rust
/// is made for (`proc_pid_stat(5)`).
const TICKS_PER_SECOND: f64 = 100.0;

const CPU: &str = "process_cpu_seconds_total";
const OPEN_FDS: &str = "process_open_fds";
const MAX_FDS: &str = "process_max_fds";
const VIRTUAL: &str = "process_virtual_memory_bytes";
const VIRTUAL_MAX: &str = "process_virtual_memory_max_bytes";
const RESIDENT: &str = "process_resident_memory_bytes";
const START: &str = "process_start_time_seconds";
const THREADS: &str = "process_threads";

/// The standard process metrics (Prometheus, writing client libraries), read from `/proc`.
pub(super) struct ProcessMetrics {
    /// Seconds since the epoch; it can not change.
    started: Option<f64>,
    /// The limits that the process was started with; nobody changes them later.
    max_fds: Option<f64>,
    max_virtual: Option<f64>,
}

impl ProcessMetrics {
    pub(super) fn of_self() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let system = fs::read_to_string("/proc/stat").unwrap_or_default();
        let boot = system.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
        let since_boot = stat_field(&stat, 22).map(|ticks| ticks / TICKS_PER_SECOND);
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        Self {
            started: boot.zip(since_boot).map(|(boot, since)| boot + since),
            max_fds: limit(&limits, "Max open files"),
            max_virtual: limit(&limits, "Max address space"),
        }
    }
}

impl Readings for ProcessMetrics {
    fn names(&self) -> Vec<(&'static str, &'static str)> {
        vec![
            (CPU, "Total user and system CPU time spent in seconds."),
            (OPEN_FDS, "Number of open file descriptors."),
            (MAX_FDS, "Maximum number of open file descriptors."),
            (VIRTUAL, "Virtual memory size in bytes."),
            (VIRTUAL_MAX, "Maximum amount of virtual memory available in bytes."),
            (RESIDENT, "Resident memory size in bytes."),
            (START, "Start time of the process since unix epoch in seconds."),
            (THREADS, "Number of threads of the process."),
        ]
    }

    fn read(&self) -> Vec<Reading> {
        let text = |file: &str| fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        let (stat, status) = (text("stat"), text("status"));
        let gauge = |name, value: Option<f64>| value.map(|value| Reading::gauge(name, value));
        [
            cpu_seconds(&stat).map(|value| Reading::counter(CPU, value)),
            gauge(OPEN_FDS, open_files()),
            gauge(MAX_FDS, self.max_fds),
            gauge(VIRTUAL, status_bytes(&status, "VmSize:")),
            gauge(VIRTUAL_MAX, self.max_virtual),
            gauge(RESIDENT, status_bytes(&status, "VmRSS:")),
            gauge(START, self.started),
            gauge(THREADS, stat_field(&stat, 20)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A field of `/proc/PID/stat` by its number in `proc_pid_stat(5)`. The second, the program's name in parentheses,
/// may itself hold blanks and parentheses.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((stat_field(stat, 14)? + stat_field(stat, 15)?) / TICKS_PER_SECOND)
}

/// A line such as `VmRSS:      1234 kB`.
fn status_bytes(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kibibytes = line.trim().strip_suffix("kB")?.trim_end().parse::<f64>().ok()?;
    Some(kibibytes * 1024.0)
}

/// The soft limit; without one it is the largest number, as in the Go client library.
fn limit(limits: &str, key: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(key))?;
    match line.split_ascii_whitespace().next()? {
        "unlimited" => Some(u64::MAX as f64),
        number => number.parse().ok(),
    }
}

fn open_files() -> Option<f64> {
    // Reading the directory takes a descriptor of its own.
    let open = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    Some(open as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 123 77 0 0 20 0 9 0 4200 1000 200 1";

    #[test]
    fn a_program_name_with_parentheses_does_not_shift_the_fields() {
        assert_eq!(cpu_seconds(STAT), Some(2.0));
        assert_eq!(stat_field(STAT, 20), Some(9.0));
        assert_eq!(stat_field(STAT, 22), Some(4200.0));
        assert_eq!(stat_field("garbage", 22), None);
    }

    #[test]
    fn limits_and_sizes_are_read() {
        let limits = "Max open files            1024                 4096                 files     \n\
                      Max address space         unlimited            unlimited            bytes     \n";
        assert_eq!(limit(limits, "Max open files"), Some(1024.0));
        assert_eq!(limit(limits, "Max address space"), Some(u64::MAX as f64));
        assert_eq!(limit("", "Max open files"), None);
        assert_eq!(status_bytes("Name:\tx\nVmRSS:\t    12 kB\n", "VmRSS:"), Some(12_288.0));
    }

    #[test]
    fn this_process_has_all_of_them() {
        let readings = ProcessMetrics::of_self().read();
        assert_eq!(readings.len(), 8);
        let of = |name| readings.iter().find(|reading| reading.name == name).unwrap().value;
        assert!(of(OPEN_FDS) >= 3.0 && of(RESIDENT) > 100_000.0 && of(THREADS) >= 1.0);
        let age = jiff::Timestamp::now().as_second() as f64 - of(START);
        assert!((-2.0..86_400.0).contains(&age), "started {age} s ago");
    }
}

//! What a process or a thread has used, from `/proc` (proc(5)).

use std::fs;

/// CPU seconds of this thread, in nanoseconds' precision.
pub fn thread_cpu() -> f64 {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    schedstat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// CPU seconds per call of `work` on this thread, which is called for about a tenth of a second.
pub fn cpu_per_call<T>(mut work: impl FnMut() -> T) -> f64 {
    let (started, mut calls) = (thread_cpu(), 0);
    loop {
        for _ in 0..10 {
            std::hint::black_box(work());
        }
        calls += 10;
        let used = thread_cpu() - started;
        if used > 0.1 {
            return used / f64::from(calls);
        }
    }
}

/// CPU seconds of a process with its ended threads, in steps of 10 ms.
pub fn process_cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: Vec<f64> = fields.split(' ').skip(11).take(2).map(|field| field.parse().unwrap()).collect();
    (ticks[0] + ticks[1]) / 100.0
}

/// A size of `/proc/PID/status`, such as `VmRSS` or `VmHWM`, in MB (10^6 bytes).
pub fn memory(pid: u32, key: &str) -> f64 {
    megabytes(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap(), key)
}

/// A size of `/proc/PID/smaps_rollup`, such as `Pss_Anon`, in MB.
pub fn mapped(pid: u32, key: &str) -> f64 {
    megabytes(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap(), key)
}

fn megabytes(text: &str, key: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap() * 1024.0 / 1e6
}

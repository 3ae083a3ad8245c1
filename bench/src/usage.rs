//! What processes use, as the kernel counts it.

use std::fs;

/// Ticks of `/proc/PID/stat` in a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time of a process so far, in seconds: user and system, fields 14 and 15 of proc(5).
pub(crate) fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = |n: usize| fields.split_whitespace().nth(n)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

/// Priority of a process, as nice(1) counts it: field 19 of proc(5).
pub(crate) fn priority(pid: u32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(16)?.parse().ok()
}

/// Most resident memory of a process so far, in MiB.
pub(crate) fn peak_mib(pid: u32) -> Option<f64> {
    memory_mib(pid, "VmHWM:")
}

/// Resident memory of a process now, in MiB.
pub(crate) fn resident_mib(pid: u32) -> Option<f64> {
    memory_mib(pid, "VmRSS:")
}

fn memory_mib(pid: u32, field: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

/// Begins the count of a process's most memory anew (`/proc/PID/clear_refs`, proc(5)).
///
/// # Errors
/// If the process is gone or somebody else's.
pub(crate) fn forget_peak(pid: u32) -> std::io::Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5")
}

/// Time that other machines took from this one, and that its cores worked at all: seconds, summed over the
/// cores, since it was started (first line of `/proc/stat`).
pub(crate) fn stolen_and_busy_seconds() -> (f64, f64) {
    // Without it the share of stolen time is told as none; nothing else rests on it.
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<f64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let at = |n: usize| fields.get(n).copied().unwrap_or(0.0) / TICKS_PER_SECOND;
    (at(7), at(0) + at(1) + at(2) + at(5) + at(6))
}

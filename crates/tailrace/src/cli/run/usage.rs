//! What this process has used, as the kernel counts.

/// Ticks of CPU time in a second: fixed by Linux for what it tells programs (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time and most memory so far, as a part of a sentence; empty where it cannot be read.
pub(super) fn text() -> String {
    match (cpu_seconds(), peak_mib()) {
        (Some(cpu), Some(peak)) => format!(", {cpu:.2} s of CPU, at most {peak:.0} MiB of memory"),
        _ => String::new(),
    }
}

fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the program's name in brackets, may hold spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = |n: usize| fields.split_whitespace().nth(n)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

//! Memory and CPU of this process, from `/proc`.

use std::sync::Mutex;
use std::time::Instant;

use super::inner::locked;

/// Clock ticks per second of `/proc`; fixed on Linux (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Measures this process. On a system without `/proc` everything is 0.
#[derive(Debug, Default)]
pub(crate) struct ProcessMeter {
    last: Mutex<Option<(Instant, f64)>>,
}

impl ProcessMeter {
    /// CPU since the last call (since the start for the first), percent of one core.
    pub(crate) fn cpu_percent(&self) -> f64 {
        let (now, used) = (Instant::now(), cpu_seconds());
        let mut last = locked(&self.last);
        let percent = match *last {
            Some((at, before)) => {
                let seconds = now.duration_since(at).as_secs_f64();
                if seconds < 0.1 { 0.0 } else { (used - before).max(0.0) / seconds * 100.0 }
            }
            None => 0.0,
        };
        // Two calls in a row must not leave the next one with nothing to measure over.
        if last.is_none_or(|(at, _)| now.duration_since(at).as_secs_f64() >= 0.1) {
            *last = Some((now, used));
        }
        percent
    }
}

/// CPU seconds used so far, by user and system.
pub(crate) fn cpu_seconds() -> f64 {
    let read = || {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name in parentheses may hold anything; fields are counted after it.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |i: usize| fields.get(i)?.parse::<f64>().ok();
        Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
    };
    read().unwrap_or(0.0)
}

/// Resident memory, bytes.
pub(crate) fn resident_bytes() -> u64 {
    let read = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find(|l| l.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    read().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_time() {
        assert!(resident_bytes() > 1 << 20);
        let begin = cpu_seconds();
        let mut n = 0u64;
        while cpu_seconds() - begin < 0.02 {
            n = std::hint::black_box(n.wrapping_add(1));
        }
        assert!(ProcessMeter::default().cpu_percent() >= 0.0);
    }
}

//! Windows of the speed limit.

use super::job::SpeedWindow;
use super::refusal::{Refusal, Result};

/// Most windows of one job (DRS's limit).
const WINDOWS_MAX: usize = 3;

/// First and last hour of a window.
fn hours(window: &SpeedWindow) -> Result<(u8, u8)> {
    let hour = |field: &str, text: &str, minute: &str| {
        text.split_once(':')
            .filter(|(_, m)| *m == minute)
            .and_then(|(h, _)| (h.len() == 2).then(|| h.parse().ok()).flatten())
            .filter(|h| *h < 24)
            .ok_or_else(|| Refusal::invalid(field, text, format!("00:{minute} to 23:{minute}")))
    };
    Ok((
        hour("speed_limit.begin", &window.begin, "00")?,
        hour("speed_limit.end", &window.end, "59")?,
    ))
}

fn covers((begin, end): (u8, u8), hour: u8) -> bool {
    if begin <= end { (begin..=end).contains(&hour) } else { hour >= begin || hour <= end }
}

/// Checks windows.
///
/// # Errors
/// [`Refusal::Invalid`] for a bad time or speed, too many windows, or two that overlap.
pub(crate) fn validate(windows: &[SpeedWindow]) -> Result<()> {
    if windows.len() > WINDOWS_MAX {
        return Err(Refusal::invalid(
            "speed_limit",
            format!("{} windows", windows.len()),
            format!("at most {WINDOWS_MAX}"),
        ));
    }
    let mut taken = [false; 24];
    for window in windows {
        let span = hours(window)?;
        if !(1..=9999).contains(&window.megabytes_per_second) {
            return Err(Refusal::invalid(
                "speed_limit.speed",
                window.megabytes_per_second,
                "1 to 9999 (MB/s)",
            ));
        }
        for (hour, taken) in (0..24).zip(taken.iter_mut()) {
            if covers(span, hour) && std::mem::replace(taken, true) {
                return Err(Refusal::invalid(
                    "speed_limit",
                    format!("{}-{}", window.begin, window.end),
                    "windows that do not overlap",
                ));
            }
        }
    }
    Ok(())
}

/// Bytes per second that hold at a time; `None` is unlimited.
pub(crate) fn bytes_per_second(windows: &[SpeedWindow], now_ms: i64) -> Option<u64> {
    let hour = u8::try_from(now_ms.rem_euclid(86_400_000) / 3_600_000).unwrap_or(0);
    let window = windows.iter().find(|w| hours(w).is_ok_and(|span| covers(span, hour)))?;
    Some(u64::from(window.megabytes_per_second) * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(begin: &str, end: &str, speed: u32) -> SpeedWindow {
        SpeedWindow { begin: begin.to_owned(), end: end.to_owned(), megabytes_per_second: speed }
    }

    #[test]
    fn windows_are_checked() {
        validate(&[window("00:00", "05:59", 1), window("06:00", "23:59", 9999)]).unwrap();
        validate(&[window("22:00", "02:59", 5)]).unwrap();
        for bad in [
            vec![window("0:00", "05:59", 1)],
            vec![window("00:30", "05:59", 1)],
            vec![window("00:00", "24:59", 1)],
            vec![window("00:00", "05:00", 1)],
            vec![window("00:00", "05:59", 0)],
            vec![window("00:00", "05:59", 10_000)],
            vec![window("00:00", "05:59", 1), window("05:00", "06:59", 1)],
            vec![window("22:00", "02:59", 1), window("01:00", "01:59", 1)],
            vec![
                window("00:00", "00:59", 1),
                window("01:00", "01:59", 1),
                window("02:00", "02:59", 1),
                window("03:00", "03:59", 1),
            ],
        ] {
            validate(&bad).unwrap_err();
        }
    }

    #[test]
    fn the_window_of_the_hour_limits_by_the_size_of_messages() {
        let windows = [window("22:00", "01:59", 2)];
        let at = |hour: i64| hour * 3_600_000 + 1;
        assert_eq!(bytes_per_second(&windows, at(23)), Some(2_000_000));
        assert_eq!(bytes_per_second(&windows, at(0)), Some(2_000_000));
        assert_eq!(bytes_per_second(&windows, at(2)), None);
    }
}

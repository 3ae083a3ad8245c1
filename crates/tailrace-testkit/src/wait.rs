//! Waiting for a state: the only place of the tests that sleeps.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Time between two looks. Short enough to add little to a test, long enough to cost no CPU.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until `look` returns a value. An error of `look` ends the wait, and so
/// does `limit`; the error then says what was waited for.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begun.elapsed() >= limit {
            bail!("waited {:.1} s in vain for {what}", begun.elapsed().as_secs_f64());
        }
        pause();
    }
}

/// Waits until `holds` is true; panics with `what` when `limit` passes first. For tests, where a
/// state that never comes is a failure.
#[track_caller]
pub fn until_true(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let outcome = until(what, limit, || Ok(holds().then_some(())));
    assert!(outcome.is_ok(), "waited {} s in vain for {what}", limit.as_secs_f64());
}

#[expect(clippy::disallowed_methods, reason = "the one poll loop that all waits go through")]
fn pause() {
    thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_what_the_look_found_or_says_what_was_missed() {
        let mut looks = 0;
        let found = until("three looks", Duration::from_secs(5), || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(found.unwrap(), 3);
        let missed = until("rain", Duration::ZERO, || Ok(None::<()>)).unwrap_err().to_string();
        assert!(missed.ends_with("in vain for rain"), "{missed}");
        let broken = until("rain", Duration::from_secs(5), || -> Result<Option<()>> {
            bail!("the barometer broke")
        });
        assert_eq!(broken.unwrap_err().to_string(), "the barometer broke");
    }
}

//! How often one caller may ask: a bound per access key (or user of a token) and per address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{audit, error::ApiError, message::Message};

/// Callers counted at the same time. Beyond it the one that asked least is forgotten.
const CALLERS_MAX: usize = 10_000;

/// How often one caller may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests in a period, for as long as it lasts.
    pub requests: u32,
    /// The period.
    pub period: Duration,
    /// Requests at once by who was quiet before.
    pub burst: u32,
}

impl Rate {
    /// So many requests a second, and those of five seconds at once.
    pub const fn per_second(requests: u32) -> Self {
        Self { requests, period: Duration::from_secs(1), burst: requests.saturating_mul(5) }
    }

    fn interval(&self) -> Duration {
        self.period / self.requests.max(1)
    }
}

/// Counts requests by caller.
///
/// Of each caller it keeps when all of its requests were due, had they come evenly (the "generic cell rate algorithm").
#[derive(Debug)]
pub(crate) struct RateLimiter {
    rate: Rate,
    due: Mutex<HashMap<String, Instant>>,
}

impl RateLimiter {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, due: Mutex::default() }
    }

    /// Counts a request; how long to wait if it is one too many.
    pub(crate) fn take(&self, caller: &str, now: Instant) -> Result<(), Duration> {
        let interval = self.rate.interval();
        let ahead_max = interval.saturating_mul(self.rate.burst.saturating_sub(1));
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if !due.contains_key(caller) && due.len() >= CALLERS_MAX {
            make_room(&mut due, now);
        }
        let entry = due.entry(caller.to_owned()).or_insert(now);
        let ahead = entry.saturating_duration_since(now);
        if ahead > ahead_max {
            return Err(ahead - ahead_max);
        }
        *entry = (*entry).max(now) + interval;
        Ok(())
    }
}

fn make_room(due: &mut HashMap<String, Instant>, now: Instant) {
    due.retain(|_, due| *due > now);
    if due.len() < CALLERS_MAX {
        return;
    }
    let least = due.iter().min_by_key(|(_, due)| **due).map(|(caller, _)| caller.clone());
    if let Some(caller) = least {
        due.remove(&caller);
    }
}

/// What an address is counted as: of IPv6 the network, of which one machine has all addresses.
pub(crate) fn address_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Lets a request pass if its address has not asked too often.
pub(crate) async fn by_address(
    State(limiter): State<Arc<RateLimiter>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(address) = audit::address(&request)
        && let Err(wait) = limiter.take(&address_key(address), Instant::now())
    {
        return refused(wait);
    }
    next.run(request).await
}

/// The answer for one request too many.
pub(crate) fn refused(wait: Duration) -> Response {
    // A whole second at least: the header has no fractions.
    let seconds = wait.as_secs().saturating_add(1);
    let message = Message::TooFrequent { seconds };
    let error = ApiError::drs(StatusCode::TOO_MANY_REQUESTS, "DRS.M01503", message);
    let mut response = error.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_followed_by_an_even_rate() {
        let rate = Rate { requests: 10, period: Duration::from_secs(1), burst: 3 };
        let limiter = RateLimiter::new(rate);
        let begin = Instant::now();
        let at = |ms: u64| begin + Duration::from_millis(ms);
        for _ in 0..3 {
            assert_eq!(limiter.take("a", begin), Ok(()));
        }
        assert_eq!(limiter.take("a", begin), Err(Duration::from_millis(100)));
        assert_eq!(limiter.take("b", begin), Ok(()));
        assert_eq!(limiter.take("a", at(99)), Err(Duration::from_millis(1)));
        for step in 1..=20 {
            assert_eq!(limiter.take("a", at(step * 100)), Ok(()));
            assert!(limiter.take("a", at(step * 100)).is_err());
        }
        // Who was quiet has no more than one burst.
        for _ in 0..3 {
            assert_eq!(limiter.take("a", at(60_000)), Ok(()));
        }
        assert!(limiter.take("a", at(60_000)).is_err());
    }

    #[test]
    fn many_callers_push_out_the_quietest() {
        let limiter = RateLimiter::new(Rate { burst: 2, ..Rate::per_second(1) });
        let now = Instant::now();
        for _ in 0..2 {
            limiter.take("busy", now).expect("within the burst");
        }
        for number in 0..CALLERS_MAX + 10 {
            limiter.take(&number.to_string(), now).expect("a new caller");
        }
        assert_eq!(limiter.due.lock().expect("no panic").len(), CALLERS_MAX);
        assert!(limiter.take("busy", now).is_err());
    }

    #[test]
    fn an_ipv6_network_is_one_caller() {
        let key = |text: &str| address_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2::1"));
        assert_ne!(key("2001:db8:1:3::1"), key("2001:db8:1:2::1"));
        assert_eq!(key("::ffff:192.0.2.7"), "192.0.2.7");
    }
}

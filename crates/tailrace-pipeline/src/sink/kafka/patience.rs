//! How long a call of the sink goes on waiting.

use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::run::StopSignal;

/// How long a job that is asked to stop still waits for its target. What is not committed by then is
/// read again at the next start.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// Watches the job's stop signal during waits that a target which is down can make long.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patience {
    stop: Option<StopSignal>,
    stopping_since: Option<Instant>,
}

impl Patience {
    pub(crate) fn new(stop: StopSignal) -> Self {
        Self { stop: Some(stop), stopping_since: None }
    }

    /// To be called between two looks at whatever is waited for.
    ///
    /// # Errors
    /// `Cancelled` if the job was asked to stop a while ago.
    pub(crate) fn check(&mut self) -> Result<()> {
        if !self.stop.as_ref().is_some_and(StopSignal::is_stopped) {
            return Ok(());
        }
        let since = *self.stopping_since.get_or_insert_with(Instant::now);
        if since.elapsed() < STOP_WAIT {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Cancelled,
            format!(
                "the job was asked to stop; the target did not take what was written in {} s, it is read again at the next start",
                STOP_WAIT.as_secs()
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_waited_for_a_while() {
        let stop = StopSignal::new();
        let mut patience = Patience::new(stop.clone());
        patience.check().unwrap();
        stop.stop();
        patience.check().unwrap();
        patience.stopping_since = Some(Instant::now() - STOP_WAIT);
        assert_eq!(patience.check().unwrap_err().kind(), ErrorKind::Cancelled);
    }
}

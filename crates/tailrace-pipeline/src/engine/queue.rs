//! The hand-over between encoders and the sink: batches in order, bounded in bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::run::StopSignal;

/// How often a blocked sender looks for a stop.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Default)]
struct State {
    batches: VecDeque<Batch>,
    bytes: usize,
    senders: usize,
    receiver_gone: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    bytes_max: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a queue that holds at most `bytes_max` bytes, and always at least one batch.
pub(crate) fn queue(bytes_max: usize) -> (BatchSender, BatchReceiver) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State { senders: 1, ..State::default() }),
        changed: Condvar::new(),
        bytes_max,
    });
    (BatchSender { shared: Arc::clone(&shared) }, BatchReceiver { shared })
}

/// The encoders' end.
pub(crate) struct BatchSender {
    shared: Arc<Shared>,
}

impl Clone for BatchSender {
    fn clone(&self) -> Self {
        self.shared.lock().senders += 1;
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for BatchSender {
    fn drop(&mut self) {
        self.shared.lock().senders -= 1;
        self.shared.changed.notify_all();
    }
}

impl BatchSender {
    /// Hands a batch over, waiting while the queue is full.
    ///
    /// # Errors
    /// `Cancelled` if the job is asked to stop meanwhile or the sink has ended.
    pub(crate) fn send(&self, batch: Batch, stop: &StopSignal) -> Result<()> {
        let bytes = batch.bytes();
        let mut state = self.shared.lock();
        loop {
            if state.receiver_gone {
                return Err(Error::new(ErrorKind::Cancelled, "the sink has ended"));
            }
            if state.batches.is_empty() || state.bytes + bytes <= self.shared.bytes_max {
                break;
            }
            stop.check()?;
            state = self
                .shared
                .changed
                .wait_timeout(state, POLL_INTERVAL)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state.bytes += bytes;
        state.batches.push_back(batch);
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }
}

/// What the sink finds.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once, a box would cost more")]
pub(crate) enum Received {
    /// The next batch.
    Batch(Batch),
    /// Nothing came in time.
    Nothing,
    /// All encoders have ended and everything was taken.
    Ended,
}

/// The sink's end.
pub(crate) struct BatchReceiver {
    shared: Arc<Shared>,
}

impl Drop for BatchReceiver {
    fn drop(&mut self) {
        self.shared.lock().receiver_gone = true;
        self.shared.changed.notify_all();
    }
}

impl BatchReceiver {
    /// Takes the next batch, waiting up to `wait` for one.
    pub(crate) fn receive(&self, wait: Duration) -> Received {
        let until = Instant::now() + wait;
        let mut state = self.shared.lock();
        loop {
            if let Some(batch) = state.batches.pop_front() {
                state.bytes -= batch.bytes();
                drop(state);
                self.shared.changed.notify_all();
                return Received::Batch(batch);
            }
            if state.senders == 0 {
                return Received::Ended;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Received::Nothing;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

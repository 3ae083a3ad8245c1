//! A bounded queue between the thread that reads the log and the one that applies it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::run::StopSignal;

/// Longest single wait, so that a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// Items in order, each with the bytes of memory that it holds.
pub(super) struct Handover<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    bytes_max: usize,
    items_max: usize,
}

struct State<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    is_closed: bool,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<T> {
    /// The next item.
    Item(T),
    /// Nothing for as long as was asked.
    Quiet,
    /// Nothing is to come any more.
    Closed,
}

impl<T> Handover<T> {
    /// With room for so many bytes and items; one item that is larger has it alone.
    pub(super) fn new(bytes_max: usize, items_max: usize) -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, is_closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), bytes_max, items_max }
    }

    /// Waits for room and appends an item.
    ///
    /// # Errors
    /// `Cancelled` if the job is stopped or nobody takes items any more.
    pub(super) fn push(&self, item: T, bytes: usize, stop: &StopSignal) -> Result<()> {
        let mut state = self.locked();
        loop {
            stop.check()?;
            if state.is_closed {
                return Err(Error::new(ErrorKind::Cancelled, "nobody takes what is read"));
            }
            let fits = state.bytes + bytes <= self.bytes_max && state.items.len() < self.items_max;
            if fits || state.items.is_empty() {
                break;
            }
            state = self.wait(state, WAIT_MAX);
        }
        state.bytes += bytes;
        state.items.push_back((item, bytes));
        self.changed.notify_all();
        Ok(())
    }

    /// Takes the next item, or waits for it at most so long.
    ///
    /// # Errors
    /// `Cancelled` if the job is stopped.
    pub(super) fn pop(&self, longest: Duration, stop: &StopSignal) -> Result<Next<T>> {
        let mut state = self.locked();
        let mut waited = Duration::ZERO;
        loop {
            stop.check()?;
            if let Some((item, bytes)) = state.items.pop_front() {
                state.bytes -= bytes;
                self.changed.notify_all();
                return Ok(Next::Item(item));
            }
            if state.is_closed {
                return Ok(Next::Closed);
            }
            if waited >= longest {
                return Ok(Next::Quiet);
            }
            let step = WAIT_MAX.min(longest - waited);
            state = self.wait(state, step);
            waited += step;
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.locked().items.is_empty()
    }

    /// Nothing is put in or taken out any more from one of the ends.
    pub(super) fn close(&self) {
        self.locked().is_closed = true;
        self.changed.notify_all();
    }

    fn locked(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(
        &self,
        state: MutexGuard<'s, State<T>>,
        longest: Duration,
    ) -> MutexGuard<'s, State<T>> {
        self.changed.wait_timeout(state, longest).unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_in_order_and_take_no_more_room_than_there_is() {
        let (queue, stop) = (Handover::new(100, 3), StopSignal::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..1000_usize {
                    queue.push(number, number % 90, &stop).expect("room");
                    let state = queue.locked();
                    assert!(state.bytes <= 100 && state.items.len() <= 3);
                }
                // Alone it has room.
                queue.push(1000, 5000, &stop).expect("room");
                queue.close();
            });
            for number in 0..=1000 {
                let next = queue.pop(Duration::from_secs(60), &stop).expect("an item");
                assert_eq!(next, Next::Item(number));
            }
            let end = queue.pop(Duration::from_secs(60), &stop).expect("the end");
            assert_eq!(end, Next::Closed);
        });
        assert!(queue.is_empty());
        assert!(queue.push(1, 1, &stop).is_err());
    }

    #[test]
    fn a_stop_ends_both_ends() {
        let (queue, stop) = (Handover::new(10, 1), StopSignal::new());
        assert_eq!(queue.pop(Duration::from_millis(1), &stop).expect("nothing"), Next::Quiet);
        queue.push(1, 1, &stop).expect("room");
        std::thread::scope(|scope| {
            let pushed = scope.spawn(|| queue.push(2, 1, &stop));
            stop.stop();
            assert_eq!(pushed.join().expect("no panic").unwrap_err().kind(), ErrorKind::Cancelled);
        });
        assert_eq!(queue.pop(Duration::ZERO, &stop).unwrap_err().kind(), ErrorKind::Cancelled);
    }
}

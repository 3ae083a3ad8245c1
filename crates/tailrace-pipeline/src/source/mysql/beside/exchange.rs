//! What reader and stream tell each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::job::Reread;
use crate::run::StopSignal;
use crate::source::mysql::catalog::SelectedTable;
use crate::source::mysql::reader::OpenedTable;
use crate::source::mysql::window::Read;

/// How often one that waits looks for a stop.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Rows of a table in key order.
pub(crate) struct Piece {
    /// Which re-reading they belong to.
    pub(crate) id: String,
    /// How to read them and where they go.
    pub(crate) table: Arc<OpenedTable>,
    /// The stream has to be here (file and offset) before they may be delivered.
    pub(crate) until: (String, u64),
    /// Packets of a text result set, one behind the other.
    pub(crate) rows: Vec<u8>,
    /// Where each of them ends.
    pub(crate) ends: Vec<usize>,
    /// Key behind which they begin.
    pub(crate) from: Option<Vec<String>>,
    /// Their last key; `None` keeps `from`.
    pub(crate) to: Option<Vec<String>>,
    /// Nothing is left of the table.
    pub(crate) done: bool,
}

/// What the reader wants of the stream.
pub(crate) enum Ask {
    /// Once this place (file and offset) is reached: remember the keys that change in a table from there on, instead of any
    /// other's; none means whether it changes.
    /// If it is to wait then, it stands still there until it is asked something else.
    Watch {
        /// The table.
        table: SelectedTable,
        /// File and offset.
        from: (String, u64),
        /// Whether it waits then.
        wait: bool,
    },
    /// At this place stop, for the rows of a table without a key; unless it changed, if that counts.
    Hold {
        /// File and offset.
        at: (String, u64),
        /// Changes before it count: whether the view shows them is not known.
        unless_changed: bool,
    },
    /// Deliver these rows when their place is reached.
    Deliver(Box<Piece>),
    /// Of this nothing is left to read: its table is not in the source.
    Gone(Reread),
    /// Nothing is left to read at all.
    Finished,
    /// The reader had to give up.
    Failed(Error),
}

#[derive(Default)]
struct State {
    ask: Option<Ask>,
    /// What the stream had read when it began to remember.
    watching: Option<Read>,
    /// What was remembered is not enough: the reader begins again with another view.
    void: bool,
    /// A piece was taken and is not delivered yet.
    delivering: bool,
    /// A piece was asked for and will not be delivered.
    lost: bool,
    /// The reader is over.
    over: bool,
    /// The stream is over.
    closed: bool,
}

impl State {
    /// What was asked goes to the stream.
    fn taken(&mut self) -> Option<Ask> {
        let ask = self.ask.take();
        self.delivering = matches!(ask, Some(Ask::Deliver(_)));
        ask
    }

    /// What was remembered is not enough, and what is not delivered yet will not be. A piece that is delivered stays so,
    /// however late the reader looks.
    fn make_void(&mut self) {
        let waits = matches!(self.ask, Some(Ask::Deliver(_) | Ask::Hold { .. }));
        self.lost |= waits || self.delivering;
        (self.void, self.delivering) = (true, false);
        if waits {
            self.ask = None;
        }
    }

    /// Whether all that was asked is delivered, or will not be; which of both.
    fn settled(&self) -> Option<bool> {
        if self.lost {
            return Some(false);
        }
        (self.ask.is_none() && !self.delivering).then_some(true)
    }
}

/// A place of exchange for one reader and the stream. One piece is under way at most.
#[derive(Default)]
pub(crate) struct Beside {
    state: Mutex<State>,
    changed: Condvar,
    /// There is something for the stream.
    asks: AtomicBool,
}

impl Beside {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a state; false if the stream is over.
    fn wait(
        &self,
        stop: &StopSignal,
        is_it: impl Fn(&State) -> bool,
    ) -> Result<Option<MutexGuard<'_, State>>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return Ok(None);
            }
            if is_it(&state) {
                return Ok(Some(state));
            }
            stop.check()?;
            let waited = self.changed.wait_timeout(state, POLL_INTERVAL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Asks the stream, once it has taken what was asked before. False if it is over, or what it remembers is void.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn ask(&self, ask: Ask, stop: &StopSignal) -> Result<bool> {
        let Some(mut state) = self.wait(stop, |state| state.ask.is_none() || state.void)? else {
            return Ok(false);
        };
        if state.void && matches!(ask, Ask::Deliver(_) | Ask::Hold { .. }) {
            return Ok(false);
        }
        state.ask = Some(ask);
        drop(state);
        self.asks.store(true, Ordering::Release);
        self.changed.notify_all();
        Ok(true)
    }

    /// Asks the stream to remember changes of a table from a place on, and waits until it does. `None` if the stream is over.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn watch(
        &self,
        table: &SelectedTable,
        (from, wait): ((String, u64), bool),
        stop: &StopSignal,
    ) -> Result<Option<Read>> {
        {
            let mut state = self.lock();
            (state.watching, state.void, state.ask) = (None, false, None);
            state.lost = false;
        }
        if !self.ask(Ask::Watch { table: table.clone(), from, wait }, stop)? {
            return Ok(None);
        }
        let state = self.wait(stop, |state| state.watching.is_some())?;
        Ok(state.and_then(|mut state| state.watching.take()))
    }

    /// Waits until the stream has delivered all that was asked. False if it is over, or will not deliver it.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn settled(&self, stop: &StopSignal) -> Result<bool> {
        let state = self.wait(stop, |state| state.settled().is_some())?;
        Ok(state.and_then(|state| state.settled()).unwrap_or(false))
    }

    /// What the stream is asked, if anything.
    pub(crate) fn take(&self) -> Option<Ask> {
        if !self.asks.swap(false, Ordering::Acquire) {
            return None;
        }
        let mut state = self.lock();
        let ask = state.taken();
        drop(state);
        self.changed.notify_all();
        ask
    }

    /// Says that the piece that was taken is delivered.
    pub(crate) fn delivered(&self) {
        self.lock().delivering = false;
        self.changed.notify_all();
    }

    /// Waits for what the stream is asked next.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn next(&self, stop: &StopSignal) -> Result<Option<Ask>> {
        drop(self.wait(stop, |state| state.ask.is_some())?);
        Ok(self.take())
    }

    /// Whether the stream is asked something.
    pub(crate) fn asks(&self) -> bool {
        self.asks.load(Ordering::Relaxed)
    }

    /// Says that changes are remembered from now on.
    pub(crate) fn watching(&self, read: Read) {
        let mut state = self.lock();
        (state.watching, state.void) = (Some(read), false);
        drop(state);
        self.changed.notify_all();
    }

    /// Says that what was remembered is not enough.
    pub(crate) fn void(&self) {
        self.lock().make_void();
        self.changed.notify_all();
    }

    /// The reader is over.
    pub(crate) fn end(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }

    /// Waits until one of both is over, for some time at most; whether that is so.
    pub(crate) fn wait_until_over(&self, longest: Duration) -> bool {
        let is_open = |state: &mut State| !state.over && !state.closed;
        let waited = self.changed.wait_timeout_while(self.lock(), longest, is_open);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.over || state.closed
    }

    /// The stream is over.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivering() -> State {
        State { delivering: true, ..State::default() }
    }

    #[test]
    fn what_is_delivered_stays_so_when_the_window_is_void_behind_it() {
        let mut state = delivering();
        assert_eq!(state.settled(), None);
        state.delivering = false;
        // The reader has not looked yet.
        state.make_void();
        assert_eq!(state.settled(), Some(true));
    }

    #[test]
    fn what_is_under_way_when_the_window_is_void_is_lost() {
        let mut state = delivering();
        state.make_void();
        assert_eq!(state.settled(), Some(false));
        let hold = Ask::Hold { at: (String::new(), 4), unless_changed: true };
        let mut state = State { ask: Some(hold), ..State::default() };
        assert_eq!(state.settled(), None);
        state.make_void();
        assert_eq!((state.settled(), state.ask.is_none()), (Some(false), true));
    }

    #[test]
    fn a_question_that_is_no_piece_stays_when_the_window_is_void() {
        let mut state = State { ask: Some(Ask::Finished), ..State::default() };
        state.make_void();
        assert_eq!(state.settled(), None);
        assert!(matches!(state.taken(), Some(Ask::Finished)));
        assert_eq!(state.settled(), Some(true));
    }
}

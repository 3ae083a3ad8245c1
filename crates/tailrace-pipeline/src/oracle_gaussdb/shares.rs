//! What is left to copy, shared among readers: whole tables, and ranges of large ones.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Described;
use super::position::TableCopy;
use crate::error::{Error, Result};
use crate::run::StopSignal;
use crate::source::oracle::snapshot::RowIdRange;

/// Longest time until a waiting reader looks whether it is to stop.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// A table whose rows are being copied.
pub(super) struct Share {
    /// As the copy has it; another one once it was begun anew.
    pub(super) table: Arc<Described>,
    /// How far the copy is, as the target has it. Whoever commits a part of it holds this until that is done.
    pub(super) copy: Mutex<TableCopy>,
}

impl Share {
    /// How far the copy is.
    pub(super) fn copy(&self) -> MutexGuard<'_, TableCopy> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a reader is to do next.
pub(super) enum Task {
    /// Find out whether a table is to be read in ranges, and say so by [`Shares::divided`].
    Divide(usize, Arc<Share>),
    /// Read what is left of a table.
    Whole(usize, Arc<Share>),
    /// Read a range of a table.
    Range(usize, Arc<Share>, RowIdRange),
}

/// All tables.
pub(super) struct Shares {
    tables: Mutex<Vec<State>>,
    changed: Condvar,
    /// Most readers of one table at a time.
    readers_max: usize,
}

struct State {
    share: Arc<Share>,
    stage: Stage,
    /// Ranges that nobody has taken.
    waiting: Vec<RowIdRange>,
    /// Who is at work on it.
    readers: usize,
    /// Why its rows cannot be read any more as they were: it is begun anew when all have left it.
    lost: Option<Error>,
    /// How often it was begun.
    begun: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nobody has looked how it is to be read.
    Undivided,
    /// Somebody does.
    Dividing,
    /// One reader reads it.
    Whole,
    /// Ranges of it are read.
    Ranges,
}

impl Shares {
    /// Of tables whose rows are not all there, each of which so many may read at a time.
    pub(super) fn new(
        tables: impl Iterator<Item = (Arc<Described>, TableCopy)>,
        readers_max: usize,
    ) -> Self {
        let state = |(table, copy): (Arc<Described>, TableCopy)| {
            let stage = match (&copy.ranges, &copy.after) {
                (Some(_), _) => Stage::Ranges,
                // What was begun by the key goes on by it.
                (None, Some(_)) => Stage::Whole,
                (None, None) => Stage::Undivided,
            };
            let waiting = copy.ranges.clone().unwrap_or_default();
            let share = Arc::new(Share { table, copy: Mutex::new(copy) });
            State { share, stage, waiting, readers: 0, lost: None, begun: 1 }
        };
        let tables = Mutex::new(tables.map(state).collect());
        Self { tables, changed: Condvar::new(), readers_max: readers_max.max(1) }
    }

    /// What to do next; waits as long as others may leave something to do. `None` when all is done.
    ///
    /// # Errors
    /// `Cancelled` if the job is stopped.
    pub(super) fn next(&self, stop: &StopSignal) -> Result<Option<Task>> {
        let mut tables = self.tables();
        loop {
            stop.check()?;
            let mut states = tables.iter_mut().enumerate();
            if let Some(task) = states.find_map(|(at, state)| state.take(at, self.readers_max)) {
                return Ok(Some(task));
            }
            if tables.iter().all(|state| state.readers == 0) {
                return Ok(None);
            }
            let waited = self.changed.wait_timeout(tables, WAIT_MAX);
            tables = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A table is to be read in these ranges, or as a whole without any; who looked leaves it.
    pub(super) fn divided(&self, at: usize, ranges: Option<Vec<RowIdRange>>) {
        let mut tables = self.tables();
        let state = &mut tables[at];
        state.readers -= 1;
        state.stage = if ranges.is_some() { Stage::Ranges } else { Stage::Whole };
        state.waiting = ranges.unwrap_or_default();
        self.changed.notify_all();
    }

    /// A reader has done its task at a table.
    ///
    /// Gives the error of a table that is lost, and how often it was begun, to the last reader that leaves it: this one begins it
    /// anew.
    pub(super) fn leave(&self, at: usize, lost: Option<Error>) -> Option<(Error, usize)> {
        let mut tables = self.tables();
        let state = &mut tables[at];
        state.lost = state.lost.take().or(lost);
        if state.lost.is_some() {
            state.waiting.clear();
            if state.readers == 1 {
                return state.lost.take().map(|lost| (lost, state.begun));
            }
        }
        state.readers -= 1;
        self.changed.notify_all();
        None
    }

    /// The last reader of a table has begun it anew, and leaves it.
    pub(super) fn begun_anew(&self, at: usize, table: Described, copy: TableCopy) {
        let mut tables = self.tables();
        let state = &mut tables[at];
        state.share = Arc::new(Share { table: Arc::new(table), copy: Mutex::new(copy) });
        state.stage = Stage::Undivided;
        state.readers -= 1;
        state.begun += 1;
        self.changed.notify_all();
    }

    fn tables(&self) -> MutexGuard<'_, Vec<State>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What there is to do for one more reader.
    fn take(&mut self, at: usize, readers_max: usize) -> Option<Task> {
        let share = || Arc::clone(&self.share);
        let task = match self.stage {
            _ if self.lost.is_some() => return None,
            Stage::Undivided => Task::Divide(at, share()),
            Stage::Whole if self.readers == 0 && !self.share.copy().is_done => {
                Task::Whole(at, share())
            }
            Stage::Ranges if self.readers < readers_max => {
                let range = self.waiting.pop()?;
                Task::Range(at, Arc::clone(&self.share), range)
            }
            Stage::Dividing | Stage::Whole | Stage::Ranges => return None,
        };
        if self.stage == Stage::Undivided {
            self.stage = Stage::Dividing;
        }
        self.readers += 1;
        Some(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::oracle_gaussdb::{TableChoice, described};
    use tailrace_codec::gaussdb::structure::SourceTable;
    use tailrace_codec::oracle::{DatabaseCharset, OracleColumn};

    fn table(name: &str) -> Arc<Described> {
        let name = name.to_owned();
        let choice = TableChoice {
            owner: "S".to_owned(),
            name: name.clone(),
            schema: "s".to_owned(),
            target: name.clone(),
        };
        let column = OracleColumn {
            name: "ID".to_owned(),
            data_type: "NUMBER".to_owned(),
            data_length: 22,
            char_length: 0,
            char_used: None,
            precision: None,
            scale: None,
            nullable: false,
            default: None,
            is_virtual: false,
            is_hidden: false,
            comment: None,
        };
        let source = SourceTable {
            schema: "s".to_owned(),
            name,
            columns: vec![column],
            primary_key: vec!["ID".to_owned()],
            indexes: Vec::new(),
            comment: None,
        };
        Arc::new(described(&choice, source, DatabaseCharset::Utf8).expect("a structure"))
    }

    fn done(share: &Share) {
        share.copy().is_done = true;
    }

    #[test]
    fn ranges_of_a_table_are_read_at_a_time_and_whole_tables_once() {
        let bounds = ["B".to_owned(), "C".to_owned()];
        let in_ranges =
            TableCopy { ranges: Some(RowIdRange::between(&bounds)), ..TableCopy::default() };
        let tables = [(table("SMALL"), TableCopy::default()), (table("LARGE"), in_ranges)];
        let (shares, stop) = (Shares::new(tables.into_iter(), 3), StopSignal::new());
        let next = || shares.next(&stop).expect("no stop");
        let Some(Task::Divide(0, _)) = next() else { panic!("nobody has looked at it") };
        let mut ranges = Vec::new();
        for _ in 0..3 {
            let Some(Task::Range(1, _, range)) = next() else { panic!("a range") };
            ranges.push(range);
        }
        ranges.reverse();
        assert_eq!(ranges, RowIdRange::between(&bounds));
        shares.divided(0, None);
        let Some(Task::Whole(0, share)) = next() else { panic!("it is whole") };
        done(&share);
        for at in [0, 1, 1, 1] {
            assert!(shares.leave(at, None).is_none());
        }
        assert!(next().is_none());
    }

    #[test]
    fn no_more_readers_than_allowed_are_at_work_on_a_table() {
        let copy = TableCopy {
            ranges: Some(RowIdRange::between(&["B".to_owned(), "C".to_owned()])),
            ..TableCopy::default()
        };
        let shares = Shares::new([(table("T"), copy)].into_iter(), 2);
        let take = || shares.tables()[0].take(0, shares.readers_max).is_some();
        assert_eq!([take(), take(), take()], [true, true, false]);
        assert!(shares.leave(0, None).is_none());
        assert_eq!([take(), take()], [true, false]);
    }

    #[test]
    fn the_last_reader_of_a_lost_table_begins_it_anew() {
        let bounds = ["B".to_owned(), "C".to_owned()];
        let copy = TableCopy { ranges: Some(RowIdRange::between(&bounds)), ..TableCopy::default() };
        let (shares, stop) = (Shares::new([(table("T"), copy)].into_iter(), 2), StopSignal::new());
        for _ in 0..2 {
            assert!(matches!(shares.next(&stop), Ok(Some(Task::Range(..)))));
        }
        let lost = Error::new(ErrorKind::SourceStatement, "ORA-01555");
        assert!(shares.leave(0, Some(lost)).is_none());
        // The third range is not begun any more.
        let (error, begun) = shares.leave(0, None).expect("the last one");
        assert_eq!((error.message(), begun), ("ORA-01555", 1));
        let again = Arc::into_inner(table("T")).expect("one owner");
        shares.begun_anew(0, again, TableCopy { own_scn: Some(7), ..TableCopy::default() });
        let Ok(Some(Task::Divide(0, share))) = shares.next(&stop) else { panic!("anew") };
        assert_eq!(share.copy().own_scn, Some(7));
        done(&share);
        shares.divided(0, None);
        assert!(matches!(shares.next(&stop), Ok(None)));
        stop.stop();
        assert_eq!(shares.next(&stop).err().map(|e| e.kind()), Some(ErrorKind::Cancelled));
    }
}

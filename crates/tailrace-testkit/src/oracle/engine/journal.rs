//! What was done to the database, in a file from which a killed server has it again, as a real one has by its redo.
//!
//! A step is written before it is done, under the lock of the database, with the SCN at which it is: so the log, rows and
//! transactions that come of the steps are the same ones. What was open when the server was killed is rolled back then.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::store::{Place, State, TableName};
use super::table::{Scn, Xid};
use crate::oracle::value::{RowId, Value};

/// What is done.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Step {
    /// A transaction begins.
    Begin,
    /// A row gets values, or none.
    Put { xid: Xid, table: TableName, row: RowId, values: Option<Vec<Value>> },
    /// A transaction ends and stays.
    Commit { xid: Xid },
    /// A transaction is taken back, down to so many changes.
    RollBack { xid: Xid, to: usize },
    /// A statement of a user that is no change of rows.
    Define { sql: String, user: String },
}

/// A step with its place.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    scn: Scn,
    container: u16,
    instance: u16,
    step: Step,
}

/// The file.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
}

impl Journal {
    /// Opens the file, and does all that it has again.
    pub(super) fn open(path: &Path, state: &mut State) -> Result<Self> {
        let doing = || format!("the journal {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .with_context(doing)?;
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(doing)?;
        for line in text.lines() {
            let entry: Entry = serde_json::from_str(line).with_context(doing)?;
            let place = Place { container: entry.container, instance: entry.instance };
            state.enter_at(place, entry.scn);
            match entry.step {
                Step::Begin => drop(state.begin()),
                Step::Put { xid, table, row, values } => {
                    state.took_row(&table, row);
                    state.put(xid, &table, row, values);
                }
                Step::Commit { xid } => drop(state.commit(xid)),
                Step::RollBack { xid, to } => state.roll_back(xid, to),
                // What was refused then is refused again.
                Step::Define { sql, user } => drop(state.define(&sql, &user)),
            }
        }
        Ok(Self { file })
    }

    /// Writes a step down.
    pub(super) fn note(&mut self, place: Place, scn: Scn, step: Step) {
        let Place { container, instance } = place;
        let entry = Entry { scn, container, instance, step };
        let mut line = serde_json::to_vec(&entry).expect("a step is JSON");
        line.push(b'\n');
        self.file.write_all(&line).expect("room for the journal");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Engine, Session};
    use crate::oracle::wire::{Database as _, Executed};

    fn rows(session: &mut Session, sql: &str) -> String {
        match session.execute(sql, &[]) {
            Ok(Executed::Rows(set)) => {
                let rows: Result<Vec<_>, _> = set.rows.collect();
                format!("{:?}", rows.expect("rows"))
            }
            Ok(_) => panic!("{sql}: no rows"),
            Err(e) => panic!("{sql}: {e:?}"),
        }
    }

    #[test]
    fn a_server_that_starts_again_has_what_was_committed_at_the_same_scns() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("journal");
        let engine = || Engine::with_journal(&[], 1, Some(&path)).expect("an engine");
        let (before, log, scn) = {
            let engine = engine();
            let (mut one, mut two) =
                (Session::new(engine.clone(), "SHOP"), Session::new(engine.clone(), "SHOP"));
            for sql in [
                "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
                "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(40), at DATE)",
                "INSERT INTO t VALUES (1, 'it''s', SYSDATE)",
                "INSERT INTO t VALUES (2, 'two', NULL)",
                "COMMIT",
                "UPDATE t SET v = 'uno' WHERE id = 1",
                "SAVEPOINT a",
                "DELETE FROM t WHERE id = 2",
                "ROLLBACK TO SAVEPOINT a",
                "COMMIT",
                "ALTER TABLE t ADD (n NUMBER(4))",
                "ALTER SYSTEM SWITCH LOGFILE",
            ] {
                one.execute(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
            }
            two.execute("UPDATE t SET v = 'open' WHERE id = 2", &[]).expect("an update");
            assert!(one.execute("INSERT INTO t (id) VALUES (1)", &[]).is_err());
            let log = engine.lock().redo.logs().map(|log| log.bytes).collect::<Vec<_>>();
            (rows(&mut one, "SELECT * FROM t ORDER BY id"), log, engine.lock().scn)
        };
        let engine = engine();
        let mut one = Session::new(engine.clone(), "SHOP");
        assert_eq!(rows(&mut one, "SELECT * FROM t ORDER BY id"), before);
        let state = engine.lock();
        assert!(state.scn >= scn && state.transactions.is_empty());
        let again: Vec<u64> = state.redo.logs().map(|log| log.bytes).collect();
        // What takes the open transaction back is logged behind it.
        assert!(again[0] == log[0] && again[1] > log[1], "{again:?} {log:?}");
        drop(state);
        one.execute("UPDATE t SET v = 'dos' WHERE id = 2", &[]).expect("the row is free");
        one.execute("INSERT INTO t (id) VALUES (3)", &[]).expect("a place of its own");
        one.execute("COMMIT", &[]).expect("a commit");
        assert!(rows(&mut one, "SELECT v FROM t ORDER BY id").contains("dos"));
    }
}

//! The increment: windows of the log, transactions in the order of their commits, batches of them at the target.

use std::time::Duration;

use tailrace_codec::gaussdb::apply::{ApplyTable, Changes, Conflict};
use tailrace_codec::gaussdb::structure::alterations;
use tailrace_codec::oracle::definition::table_changes;
use tailrace_codec::redo::{self, Assembled, Assembly};

use super::Targets;
use super::position::{Position, XidParts};
use super::spill::SpillFile;
use crate::error::{Error, ErrorKind, Result};
use crate::run::StopSignal;
use crate::sink::gaussdb::GaussSink;
use crate::source::oracle::mining::{self, Mined};
use crate::source::oracle::session::Session;

/// What stands for a definition among the transactions that were applied at its SCN.
const DEFINITION: XidParts = (0, 0, 0);
/// Longest statement of LogMiner's, bytes.
const STATEMENT_BYTES_MAX: usize = 64 << 20;
/// Bytes of changes in memory before they go to the target, also in the middle of a transaction.
const CHANGES_BYTES_MAX: usize = 16 << 20;
/// Bytes of changes of which a batch of whole transactions is committed.
const BATCH_BYTES: usize = 4 << 20;
/// Bytes of open transactions in memory before the largest is put aside.
const OPEN_BYTES_MAX: usize = 64 << 20;
/// SCNs of one window at most.
const WINDOW_SCNS_MAX: u64 = 1_000_000;
/// How often a log that has nothing new is looked at.
const IDLE_INTERVAL: Duration = Duration::from_millis(200);

/// Follows the log until the job is stopped.
pub(super) fn follow(
    session: &Session,
    sink: &mut GaussSink,
    targets: &mut Targets,
    position: Position,
    (conflict, stop): (Conflict, &StopSignal),
) -> Result<()> {
    let mut next = position.mine_from;
    let mut assembly = Assembly::new(STATEMENT_BYTES_MAX);
    let mut applier = Applier {
        session,
        sink,
        targets,
        position,
        conflict,
        changes: Changes::new(),
        bytes: 0,
        in_transaction: false,
    };
    loop {
        stop.check()?;
        let to = mining::current_scn(session)?.min(next.saturating_add(WINDOW_SCNS_MAX));
        if to < next {
            std::thread::park_timeout(IDLE_INTERVAL);
            continue;
        }
        mining::window(session, next, to, &mut |mined| {
            stop.check()?;
            applier.take(&mut assembly, mined)
        })?;
        next = to + 1;
        applier.position.mine_from = assembly.oldest_open().unwrap_or(next).min(next);
        applier.commit()?;
    }
}

/// Brings transactions to the target.
struct Applier<'a> {
    session: &'a Session,
    sink: &'a mut GaussSink,
    targets: &'a mut Targets,
    position: Position,
    conflict: Conflict,
    /// What is not at the target yet.
    changes: Changes,
    /// Bytes of the open target transaction.
    bytes: usize,
    in_transaction: bool,
}

impl Applier<'_> {
    /// Takes a row of the log.
    fn take(&mut self, assembly: &mut Assembly<SpillFile>, mined: &Mined<'_>) -> Result<()> {
        let table = self.targets.number(mined.owner, mined.table);
        let row = redo::RedoRow { table, ..mined.row };
        let assembled = assembly.push(&row)?;
        if assembly.memory_bytes() > OPEN_BYTES_MAX {
            assembly.put_largest_aside(|| SpillFile::new(&std::env::temp_dir()))?;
        }
        match assembled {
            Assembled::Nothing => Ok(()),
            Assembled::Committed { xid, scn, changes, .. } => {
                let xid = (xid.segment, xid.slot, xid.sequence);
                if self.position.has(scn, xid) {
                    return Ok(());
                }
                self.apply(changes, scn, xid)?;
                // What is still open is mined again after a restart, and with it what was committed since it began.
                let open = assembly.oldest_open().unwrap_or(scn);
                self.position.mine_from = open.min(scn);
                if self.bytes > BATCH_BYTES { self.commit() } else { Ok(()) }
            }
            Assembled::Definition { table, scn, sql } => self.define(table, scn, &sql),
        }
    }

    /// Applies a transaction, in pieces if it is large; it is committed with those behind it, or alone.
    fn apply(
        &mut self,
        mut changes: redo::Changes<SpillFile>,
        scn: u64,
        xid: XidParts,
    ) -> Result<()> {
        changes.for_each(|change| {
            let table = change.table;
            let rows = self.targets.rows.get_mut(table as usize);
            let rows =
                rows.ok_or_else(|| Error::new(ErrorKind::Bug, "a table that is not known"))?;
            let before = self.changes.bytes();
            let appended = rows.append(&change, table, &mut self.changes).map_err(|e| {
                let text = format!("{}: {e}", self.targets.choices[table as usize]);
                Error::new(ErrorKind::SchemaMismatch, text)
            })?;
            if !appended {
                let text =
                    format!("{}: a row of more than 4 GiB", self.targets.choices[table as usize]);
                return Err(Error::new(ErrorKind::Limit, text));
            }
            self.bytes += self.changes.bytes() - before;
            if self.changes.bytes() > CHANGES_BYTES_MAX { self.flush() } else { Ok(()) }
        })?;
        self.position.applied(scn, xid);
        Ok(())
    }

    /// Brings what is in memory into the target's open transaction.
    fn flush(&mut self) -> Result<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        self.begin()?;
        self.sink.apply(&self.targets.tables, &self.changes, self.conflict)?;
        self.changes.clear();
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        if !self.in_transaction {
            self.sink.begin()?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Commits what was applied, with the position.
    fn commit(&mut self) -> Result<()> {
        self.flush()?;
        self.begin()?;
        self.sink.commit(&self.position.text()?)?;
        self.in_transaction = false;
        self.bytes = 0;
        Ok(())
    }

    /// A table is defined in another way: all that was committed before it goes first, then it alone.
    fn define(&mut self, table: u32, scn: u64, sql: &str) -> Result<()> {
        if self.position.has(scn, DEFINITION) {
            return Ok(());
        }
        let refused = |why: String| {
            let name = &self.targets.choices[table as usize];
            let text = format!(
                "{name} was defined anew at SCN {scn}, which cannot be applied: {why}: {sql}"
            );
            Error::new(ErrorKind::SchemaMismatch, text)
        };
        let changes = table_changes(sql).map_err(|e| refused(e.to_string()))?;
        let target = self.targets.tables.get(&table).map(ApplyTable::full_name);
        let target =
            target.ok_or_else(|| Error::new(ErrorKind::Bug, "a table that is not known"))?;
        let mut statements = Vec::new();
        for change in &changes {
            let made = alterations(&target, change, self.targets.charset).map_err(|faults| {
                let faults = faults.iter().map(|fault| format!("{}: {}", fault.name, fault.reason));
                refused(faults.collect::<Vec<_>>().join("; "))
            })?;
            statements.extend(made);
        }
        if statements.is_empty() {
            return Ok(());
        }
        self.flush()?;
        self.begin()?;
        for statement in &statements {
            self.sink.define(statement)?;
        }
        self.position.applied(scn, DEFINITION);
        self.commit()?;
        self.targets.renew(table, self.session, self.sink)
    }
}

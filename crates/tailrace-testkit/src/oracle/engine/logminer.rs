//! LogMiner: a session's log files and range, and the rows that it makes of their records.

use super::assign::Formats;
use super::column::ColumnDef;
use super::redo::{Log, Record, What};
use super::redo_text::{Operation, operation, statements};
use super::store::State;
use super::table::Scn;
use crate::oracle::number::Number;
use crate::oracle::value::{DateTime, Value};
use crate::oracle::wire::{Kind, OraError};

/// Longest text of a row, bytes; more goes on in the next one.
const TEXT_BYTES: usize = 4000;
/// `DBMS_LOGMNR.NEW`, `.NO_ROWID_IN_STMT`
pub(super) const NEW: i64 = 1;
pub(super) const NO_ROWID: i64 = 2048;

/// Columns of `V$LOGMNR_CONTENTS`; those whose names end with `#` of a pair are numbers.
const COLUMNS: [(&str, Kind); 32] = [
    ("SCN", Kind::Number),
    ("START_SCN", Kind::Number),
    ("COMMIT_SCN", Kind::Number),
    ("TIMESTAMP", Kind::Date),
    ("THREAD#", Kind::Number),
    ("XIDUSN", Kind::Number),
    ("XIDSLT", Kind::Number),
    ("XIDSQN", Kind::Number),
    ("XID", Kind::Raw),
    ("OPERATION", Kind::VarChar2),
    ("OPERATION_CODE", Kind::Number),
    ("SEG_OWNER", Kind::VarChar2),
    ("SEG_NAME", Kind::VarChar2),
    ("TABLE_NAME", Kind::VarChar2),
    ("ROW_ID", Kind::VarChar2),
    ("RS_ID", Kind::VarChar2),
    ("SSN", Kind::Number),
    ("CSF", Kind::Number),
    ("ROLLBACK", Kind::Number),
    ("SQL_REDO", Kind::VarChar2),
    ("STATUS", Kind::Number),
    ("INFO", Kind::VarChar2),
    ("DATA_OBJ#", Kind::Number),
    ("DATA_OBJD#", Kind::Number),
    ("SRC_CON_ID", Kind::Number),
    ("SRC_CON_NAME", Kind::VarChar2),
    ("DATA_OBJV#", Kind::Number),
    ("SEQUENCE#", Kind::Number),
    ("START_TIMESTAMP", Kind::Date),
    ("COMMIT_TIMESTAMP", Kind::Date),
    ("USERNAME", Kind::VarChar2),
    ("CLIENT_ID", Kind::VarChar2),
];

/// `INFO` of a statement that a user has run.
const USER_DDL: &str = "USER DDL (PlSql=0 RecDep=0)";

/// A session's mining.
#[derive(Debug, Default)]
pub(super) struct Mining {
    /// Names of the files that were added.
    files: Vec<String>,
    /// From where to where, once it is started.
    range: Option<(Scn, Option<Scn>)>,
    options: i64,
}

impl Mining {
    /// `ADD_LOGFILE`
    pub(super) fn add(&mut self, file: &str, options: i64, state: &State) -> Result<(), OraError> {
        if options == NEW {
            self.files.clear();
        }
        find(state, file)?;
        if self.files.iter().any(|known| known == file) {
            return Err(OraError::new(1289, format!("cannot add duplicate logfile {file}")));
        }
        self.files.push(file.to_owned());
        Ok(())
    }

    /// `START_LOGMNR`
    pub(super) fn start(
        &mut self,
        from: Scn,
        to: Option<Scn>,
        options: i64,
        state: &State,
    ) -> Result<(), OraError> {
        if self.files.is_empty() {
            return Err(OraError::new(
                1292,
                "no log file has been specified for the current LogMiner session",
            ));
        }
        let logs: Vec<&Log> =
            self.files.iter().map(|file| find(state, file)).collect::<Result<_, _>>()?;
        let first = logs.iter().map(|log| log.first_scn).min().unwrap_or(0);
        if from < first {
            return Err(OraError::new(1291, "missing log file"));
        }
        self.range = Some((from, to));
        self.options = options;
        Ok(())
    }

    /// `END_LOGMNR`
    pub(super) fn end(&mut self) -> Result<(), OraError> {
        if self.range.take().is_none() {
            return Err(OraError::new(1307, "no LogMiner session is currently active"));
        }
        self.files.clear();
        Ok(())
    }

    /// The rows of `V$LOGMNR_LOGS`.
    pub(super) fn logs(
        &self,
        state: &State,
    ) -> Result<(Vec<ColumnDef>, Vec<Vec<Value>>), OraError> {
        let column = |name: &str| ColumnDef::new(name, Kind::VarChar2, 513);
        let number = |name: &str| ColumnDef::new(name, Kind::Number, 22);
        let columns =
            vec![column("FILENAME"), number("THREAD_ID"), number("THREAD_SQN"), number("LOW_SCN")];
        let row = |file: &String| {
            let log = find(state, file)?;
            Ok(vec![
                Value::text(file),
                Value::number(i64::from(log.thread)),
                Value::number(i64::from(log.sequence)),
                Value::Number(Number::from(log.first_scn)),
            ])
        };
        Ok((columns, self.files.iter().map(row).collect::<Result<_, OraError>>()?))
    }

    /// `REMOVE_LOGFILE`
    pub(super) fn remove(&mut self, file: &str) -> Result<(), OraError> {
        let before = self.files.len();
        self.files.retain(|known| known != file);
        if self.files.len() == before {
            return Err(OraError::new(1290, format!("cannot remove unlisted logfile {file}")));
        }
        Ok(())
    }

    /// The rows of `V$LOGMNR_CONTENTS`.
    pub(super) fn contents(
        &self,
        state: &State,
        formats: &Formats,
    ) -> Result<(Vec<ColumnDef>, Vec<Vec<Value>>), OraError> {
        let Some((from, to)) = self.range else {
            let text = "dbms_logmnr.start_logmnr() must be invoked before selecting from v$logmnr_contents";
            return Err(OraError::new(1306, text));
        };
        let mut logs: Vec<&Log> =
            self.files.iter().map(|file| find(state, file)).collect::<Result<_, _>>()?;
        logs.sort_by_key(|log| (log.thread, log.sequence));
        logs.dedup_by_key(|log| (log.thread, log.sequence));
        for pair in logs.windows(2) {
            if pair[0].thread == pair[1].thread && pair[0].sequence + 1 != pair[1].sequence {
                return Err(OraError::new(1291, "missing log file"));
            }
        }
        let inside = |scn: Scn| scn >= from && to.is_none_or(|to| scn <= to);
        let mut records: Vec<(&Record, &Log)> = Vec::new();
        for log in logs {
            let told = log.records().iter().filter(|record| inside(record.scn));
            records.extend(told.map(|record| (record, log)));
        }
        // The threads' records come as one log.
        records.sort_by_key(|(record, _)| record.scn);
        let mut rows = Vec::new();
        for (record, log) in records {
            self.rows_of(record, log, state, formats, &mut rows);
        }
        let columns = COLUMNS
            .iter()
            .map(|(name, kind)| {
                ColumnDef::new(name, *kind, if *kind == Kind::Date { 7 } else { 4000 })
            })
            .collect();
        Ok((columns, rows))
    }

    fn rows_of(
        &self,
        record: &Record,
        log: &Log,
        state: &State,
        formats: &Formats,
        rows: &mut Vec<Vec<Value>>,
    ) {
        let container = (
            state.container_id(record.container),
            state.containers[usize::from(record.container)].name.as_str(),
        );
        let mut told = Told { record, log, container, rows, part: 0 };
        match &record.what {
            What::Start => told.mark(operation::START, "set transaction read write;"),
            What::Commit => told.mark(operation::COMMIT, "commit;"),
            What::RolledBack => told.mark(operation::ROLLBACK, "rollback;"),
            What::Definition { table, object, sql } => {
                let of =
                    Of { owner: &table.0, name: &table.1, row: None, objects: (*object, *object) };
                told.text(operation::DDL, sql, &of, false);
            }
            What::Change(change) => {
                // The online catalog knows the table as it is now.
                let now = state.tables_of(record.container).get(&change.table);
                let is_known = now.is_some_and(|table| {
                    table.segments.iter().any(|segment| segment.object == change.object)
                        && table.columns.len() == change.columns.len()
                        && table
                            .columns
                            .iter()
                            .zip(change.columns.iter())
                            .all(|(a, b)| a.name == b.name)
                });
                let objects = (change.object, change.data_object);
                let row = change.row.to_string();
                let unknown = format!("OBJ# {}", change.object);
                let of = if is_known {
                    Of { owner: &change.table.0, name: &change.table.1, row: Some(&row), objects }
                } else {
                    Of { owner: "UNKNOWN", name: &unknown, row: Some(&row), objects }
                };
                let with_row_id = self.options & NO_ROWID == 0;
                for (operation, sql) in statements(change, formats, (is_known, with_row_id)) {
                    told.text(operation, &sql, &of, change.is_undo);
                }
            }
        }
    }
}

/// The log file of this name.
fn find<'s>(state: &'s State, file: &str) -> Result<&'s Log, OraError> {
    let logs = state.redo.logs().rev();
    let found = logs
        .clone()
        .find(|log| log.archive_name() == file && log.next_scn.is_some() && !log.is_deleted);
    // An online file has its group's newest log.
    let found = found.or_else(|| logs.clone().find(|log| log.online_name() == file));
    found.ok_or_else(|| OraError::new(1284, format!("file {file} cannot be opened")))
}

/// What a row is about.
struct Of<'o> {
    owner: &'o str,
    name: &'o str,
    row: Option<&'o str>,
    /// Number of the object, and of its data.
    objects: (u32, u32),
}

struct Told<'t> {
    record: &'t Record,
    log: &'t Log,
    /// Number and name of the container.
    container: (u16, &'t str),
    rows: &'t mut Vec<Vec<Value>>,
    /// `SSN`: statements of the record so far.
    part: u32,
}

impl Told<'_> {
    /// A row that is about no table.
    fn mark(&mut self, operation: Operation, sql: &str) {
        let of = Of { owner: "", name: "", row: None, objects: (0, 0) };
        self.text(operation, sql, &of, false);
    }

    /// Rows of a statement, as many as its text needs.
    fn text(&mut self, operation: Operation, sql: &str, of: &Of<'_>, is_undo: bool) {
        let mut rest = sql;
        while !rest.is_empty() {
            let mut end = rest.len().min(TEXT_BYTES);
            while !rest.is_char_boundary(end) {
                end -= 1;
            }
            let (piece, behind) = rest.split_at(end);
            rest = behind;
            self.row(operation, piece, of, is_undo, !rest.is_empty());
        }
        self.part += 1;
    }

    fn row(
        &mut self,
        (code, operation): Operation,
        piece: &str,
        of: &Of<'_>,
        is_undo: bool,
        goes_on: bool,
    ) {
        let (record, xid) = (self.record, self.record.xid);
        let scn = |scn: Scn| Value::Number(Number::from(scn));
        let commit = matches!(record.what, What::Commit).then_some(record.scn);
        let number = |number: i64| Value::number(number);
        let when = |is_told: bool| match is_told {
            true => Value::DateTime(DateTime { nanos: 0, ..record.at }),
            false => Value::Null,
        };
        let raw =
            [&xid.segment.to_le_bytes()[..], &xid.slot.to_le_bytes(), &xid.sequence.to_le_bytes()]
                .concat();
        self.rows.push(vec![
            scn(record.scn),
            scn(record.start_scn),
            commit.map_or(Value::Null, scn),
            when(true),
            number(self.log.thread.into()),
            number(xid.segment.into()),
            number(xid.slot.into()),
            number(xid.sequence.into()),
            Value::Bytes(raw),
            Value::text(operation),
            number(code),
            Value::text(of.owner),
            Value::text(of.name),
            Value::text(of.name),
            of.row.map_or_else(|| Value::text("AAAAAAAAAAAAAAAAAA"), Value::text),
            Value::text(record.rs_id(self.log.sequence)),
            number(self.part.into()),
            number(goes_on.into()),
            number(is_undo.into()),
            Value::text(piece),
            number(0),
            if code == operation::DDL.0 { Value::text(USER_DDL) } else { Value::Null },
            number(of.objects.0.into()),
            number(of.objects.1.into()),
            number(self.container.0.into()),
            if self.container.0 == 0 { Value::Null } else { Value::text(self.container.1) },
            number(1),
            number(1),
            when(matches!(record.what, What::Start)),
            when(commit.is_some()),
            Value::Null,
            Value::Null,
        ]);
    }
}

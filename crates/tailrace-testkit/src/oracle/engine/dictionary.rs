//! The data dictionary and the dynamic views, as far as replication asks for them.

use super::column::ColumnDef;
use super::extents;
use super::redo::{BLOCK_BYTES, GROUPS, LOG_BYTES, Log, Thread};
use super::store::{Container, State, Transaction};
use super::table::{Segment, Table, Xid};
use crate::oracle::number::Number;
use crate::oracle::value::Value;
use crate::oracle::wire::Kind;

/// A view's columns and rows.
pub(super) struct View {
    pub(super) columns: Vec<ColumnDef>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// A view of this name; `ALL_`, `DBA_` and `USER_` are one, as users see all of this database.
pub(super) fn view(name: &str, state: &State, user: &str) -> Option<View> {
    let own = name.starts_with("USER_");
    let name = ["DBA_", "USER_"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .map_or_else(|| name.to_owned(), |rest| format!("ALL_{rest}"));
    let mut found = match name.as_str() {
        "ALL_TABLES" => tables(state),
        "ALL_OBJECTS" => objects(state),
        "ALL_EXTENTS" => extents::view(state),
        "ALL_TAB_COLS" | "ALL_TAB_COLUMNS" => columns(state),
        "ALL_CONSTRAINTS" => constraints(state),
        "ALL_CONS_COLUMNS" => constraint_columns(state),
        "ALL_INDEXES" => indexes(state),
        "ALL_IND_COLUMNS" => index_columns(state),
        "ALL_TAB_COMMENTS" => table_comments(state),
        "ALL_COL_COMMENTS" => column_comments(state),
        "V$DATABASE" => database(state),
        "ALL_LOG_GROUPS" => log_groups(state),
        "V$LOG" => logs(state),
        "V$LOGFILE" => log_files(state),
        "V$ARCHIVED_LOG" => archived_logs(state),
        "V$LOG_HISTORY" => log_history(state),
        "V$TRANSACTION" => transactions(state, Some(state.redo.instance())),
        "GV$TRANSACTION" => transactions(state, None),
        "V$THREAD" => threads(state),
        "V$PDBS" | "V$CONTAINERS" => containers(state, &name),
        "V$VERSION" => version(),
        "NLS_DATABASE_PARAMETERS" => parameters(),
        "V$PARAMETER" => settings(),
        "ALL_ALL_TABLES" => all_tables(state),
        "ALL_TYPES" => made(&["OWNER", "TYPE_NAME", "TYPECODE"], Vec::new()),
        "ALL_NESTED_TABLES" => made(&["OWNER", "PARENT_TABLE_NAME"], Vec::new()),
        "V$ARCHIVE_DEST_STATUS" => destinations(),
        "V$STATNAME" => made(&["STATISTIC##", "NAME"], Vec::new()),
        "V$MYSTAT" => made(&["STATISTIC##", "VALUE#"], Vec::new()),
        _ => return None,
    };
    if own && let Some(owner) = found.columns.iter().position(|column| column.name == "OWNER") {
        found.rows.retain(|row| row[owner] == Value::text(user));
    }
    Some(found)
}

/// Parameters of the instance.
fn settings() -> View {
    let rows = [
        ("max_string_size", "STANDARD"),
        ("compatible", "19.0.0"),
        ("enable_goldengate_replication", "FALSE"),
        ("log_archive_dest_1", "LOCATION=/arch"),
    ];
    let rows = rows.map(|(name, value)| vec![Value::text(name), Value::text(value)]).to_vec();
    made(&["NAME", "VALUE"], rows)
}

/// Tables of rows and of objects, of which there are none.
fn all_tables(state: &State) -> View {
    let row = |table: &Table| {
        vec![vec![Value::text(&table.owner), Value::text(&table.name), Value::Null]]
    };
    made(&["OWNER", "TABLE_NAME", "TABLE_TYPE"], each(state, row))
}

/// Where archived files go.
fn destinations() -> View {
    let row = vec![
        number(1_i64),
        Value::text("LOG_ARCHIVE_DEST_1"),
        Value::text("VALID"),
        Value::text("LOCAL"),
    ];
    made(&["DEST_ID#", "DEST_NAME", "STATUS", "TYPE"], vec![row])
}

/// Columns of text, but for those whose names end with `#`, which are numbers, and with `@`, which are dates.
pub(super) fn made(names: &[&str], rows: Vec<Vec<Value>>) -> View {
    let column = |name: &&str| match (name.strip_suffix('#'), name.strip_suffix('@')) {
        (Some(name), _) => ColumnDef::new(name, Kind::Number, 22),
        (None, Some(name)) => ColumnDef::new(name, Kind::Date, 7),
        (None, None) => ColumnDef::new(name, Kind::VarChar2, 4000),
    };
    View { columns: names.iter().map(column).collect(), rows }
}

pub(super) fn number(number: impl Into<i64>) -> Value {
    Value::Number(Number::from(number.into()))
}

fn optional(text: Option<&String>) -> Value {
    text.map_or(Value::Null, Value::text)
}

fn yes(holds: bool) -> Value {
    Value::text(if holds { "YES" } else { "NO" })
}

/// Rows of a view that has some for each table.
fn each(state: &State, rows: impl Fn(&Table) -> Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    state.tables.values().flat_map(rows).collect()
}

fn tables(state: &State) -> View {
    let names = [
        "OWNER",
        "TABLE_NAME",
        "STATUS",
        "NUM_ROWS#",
        "TEMPORARY",
        "NESTED",
        "PARTITIONED",
        "IOT_TYPE",
        "IOT_NAME",
    ];
    let row = |table: &Table| {
        let rows = i64::try_from(table.rows.len()).unwrap_or(i64::MAX);
        vec![vec![
            Value::text(&table.owner),
            Value::text(&table.name),
            Value::text("VALID"),
            number(rows),
            Value::text("N"),
            yes(false),
            yes(table.partitioning.is_some()),
            Value::Null,
            Value::Null,
        ]]
    };
    made(&names, each(state, row))
}

fn objects(state: &State) -> View {
    let names = [
        "OWNER",
        "OBJECT_NAME",
        "SUBOBJECT_NAME",
        "OBJECT_TYPE",
        "OBJECT_ID#",
        "DATA_OBJECT_ID#",
        "STATUS",
        "LAST_DDL_TIME@",
    ];
    let row = |table: &Table| {
        let object = |partition: Option<&String>, object: u32, data_object: Option<u32>| {
            vec![
                Value::text(&table.owner),
                Value::text(&table.name),
                partition.map_or(Value::Null, Value::text),
                Value::text(if partition.is_some() { "TABLE PARTITION" } else { "TABLE" }),
                number(object),
                data_object.map_or(Value::Null, number),
                Value::text("VALID"),
                Value::DateTime(table.defined_time),
            ]
        };
        let of_segment = |s: &Segment| object(s.name.as_ref(), s.object, Some(s.data_object));
        // What is divided has no data of its own.
        let whole = table.partitioning.as_ref().map(|_| object(None, table.object, None));
        whole.into_iter().chain(table.segments.iter().map(of_segment)).collect()
    };
    made(&names, each(state, row))
}

fn columns(state: &State) -> View {
    let names = [
        "OWNER",
        "TABLE_NAME",
        "COLUMN_NAME",
        "DATA_TYPE",
        "DATA_LENGTH#",
        "DATA_PRECISION#",
        "DATA_SCALE#",
        "NULLABLE",
        "COLUMN_ID#",
        "CHAR_LENGTH#",
        "CHAR_USED",
        "DATA_DEFAULT",
        "HIDDEN_COLUMN",
        "VIRTUAL_COLUMN",
        "INTERNAL_COLUMN_ID#",
        "DATA_TYPE_OWNER",
        "IDENTITY_COLUMN",
        "USER_GENERATED",
    ];
    let rows = |table: &Table| {
        let row = |(place, column): (usize, &ColumnDef)| {
            let place = number(i64::try_from(place + 1).unwrap_or(i64::MAX));
            let is_text = column.char_length > 0;
            vec![
                Value::text(&table.owner),
                Value::text(&table.name),
                Value::text(&column.name),
                Value::text(column.data_type()),
                number(column.data_length),
                column.precision.map_or(Value::Null, number),
                column.scale.map_or(Value::Null, number),
                Value::text(if column.nullable { "Y" } else { "N" }),
                place.clone(),
                number(column.char_length),
                if is_text {
                    Value::text(if column.by_chars { "C" } else { "B" })
                } else {
                    Value::Null
                },
                optional(column.default.as_ref()),
                yes(false),
                yes(false),
                place,
                Value::Null,
                yes(false),
                yes(true),
            ]
        };
        table.columns.iter().enumerate().map(row).collect()
    };
    made(&names, each(state, rows))
}

fn constraints(state: &State) -> View {
    let names =
        ["OWNER", "CONSTRAINT_NAME", "CONSTRAINT_TYPE", "TABLE_NAME", "STATUS", "INDEX_NAME"];
    let rows = |table: &Table| {
        let keys = table.keys.iter().filter(|key| key.is_constraint);
        let row = |key: &super::table::Key| {
            vec![
                Value::text(&table.owner),
                Value::text(&key.name),
                Value::text(if key.is_primary { "P" } else { "U" }),
                Value::text(&table.name),
                Value::text("ENABLED"),
                Value::text(&key.name),
            ]
        };
        keys.map(row).collect()
    };
    made(&names, each(state, rows))
}

fn constraint_columns(state: &State) -> View {
    let names = ["OWNER", "CONSTRAINT_NAME", "TABLE_NAME", "COLUMN_NAME", "POSITION#"];
    made(&names, key_columns(state, true, false))
}

/// A row for each column of each key: of those that are constraints, or of all, with the owners as an index has them.
fn key_columns(state: &State, constraints_only: bool, of_indexes: bool) -> Vec<Vec<Value>> {
    let rows = |table: &Table| {
        let mut rows = Vec::new();
        for key in table.keys.iter().filter(|key| key.is_constraint || !constraints_only) {
            for (place, column) in key.columns.iter().enumerate() {
                let mut row = vec![Value::text(&table.owner), Value::text(&key.name)];
                if of_indexes {
                    row.push(Value::text(&table.owner));
                }
                row.extend([
                    Value::text(&table.name),
                    Value::text(&table.columns[*column].name),
                    number(i64::try_from(place + 1).unwrap_or(i64::MAX)),
                ]);
                rows.push(row);
            }
        }
        rows
    };
    each(state, rows)
}

fn indexes(state: &State) -> View {
    let names =
        ["OWNER", "INDEX_NAME", "INDEX_TYPE", "TABLE_OWNER", "TABLE_NAME", "UNIQUENESS", "STATUS"];
    let rows = |table: &Table| {
        let row = |key: &super::table::Key| {
            vec![
                Value::text(&table.owner),
                Value::text(&key.name),
                Value::text("NORMAL"),
                Value::text(&table.owner),
                Value::text(&table.name),
                Value::text(if key.is_unique { "UNIQUE" } else { "NONUNIQUE" }),
                Value::text("VALID"),
            ]
        };
        table.keys.iter().map(row).collect()
    };
    made(&names, each(state, rows))
}

fn index_columns(state: &State) -> View {
    let names = [
        "INDEX_OWNER",
        "INDEX_NAME",
        "TABLE_OWNER",
        "TABLE_NAME",
        "COLUMN_NAME",
        "COLUMN_POSITION#",
    ];
    made(&names, key_columns(state, false, true))
}

fn table_comments(state: &State) -> View {
    let row = |table: &Table| {
        vec![vec![
            Value::text(&table.owner),
            Value::text(&table.name),
            Value::text("TABLE"),
            optional(table.comment.as_ref()),
        ]]
    };
    made(&["OWNER", "TABLE_NAME", "TABLE_TYPE", "COMMENTS"], each(state, row))
}

fn column_comments(state: &State) -> View {
    let rows = |table: &Table| {
        let row = |column: &ColumnDef| {
            vec![
                Value::text(&table.owner),
                Value::text(&table.name),
                Value::text(&column.name),
                optional(column.comment.as_ref()),
            ]
        };
        table.columns.iter().map(row).collect()
    };
    made(&["OWNER", "TABLE_NAME", "COLUMN_NAME", "COMMENTS"], each(state, rows))
}

fn database(state: &State) -> View {
    let names = [
        "NAME",
        "DBID#",
        "LOG_MODE",
        "CURRENT_SCN#",
        "DATABASE_ROLE",
        "OPEN_MODE",
        "CDB",
        "RESETLOGS_CHANGE##",
        "PLATFORM_NAME",
        "SUPPLEMENTAL_LOG_DATA_MIN",
        "SUPPLEMENTAL_LOG_DATA_PK",
        "SUPPLEMENTAL_LOG_DATA_UI",
        "SUPPLEMENTAL_LOG_DATA_ALL",
    ];
    let row = vec![
        Value::text("STANDIN"),
        number(1_234_567_890_i64),
        Value::text("ARCHIVELOG"),
        Value::Number(Number::from(state.scn)),
        Value::text("PRIMARY"),
        Value::text("READ WRITE"),
        yes(state.is_cdb()),
        number(1_i64),
        Value::text("Linux x86 64-bit"),
        yes(state.supplemental.minimal),
        yes(state.supplemental.primary_key),
        yes(state.supplemental.unique),
        yes(state.supplemental.all),
    ];
    made(&names, vec![row])
}

fn log_groups(state: &State) -> View {
    let rows = |table: &Table| {
        let kinds = [
            (table.supplemental.all, "ALL COLUMN LOGGING"),
            (table.supplemental.primary_key, "PRIMARY KEY LOGGING"),
            (table.supplemental.unique, "UNIQUE KEY LOGGING"),
        ];
        let is_on = kinds.into_iter().filter(|(is_on, _)| *is_on);
        let row = |(number, (_, kind)): (usize, (bool, &str))| {
            vec![
                Value::text(&table.owner),
                Value::text(format!("SYS_C{}{number}", table.object)),
                Value::text(&table.name),
                Value::text(kind),
                Value::text("ALWAYS"),
            ]
        };
        is_on.enumerate().map(row).collect()
    };
    let names = ["OWNER", "LOG_GROUP_NAME", "TABLE_NAME", "LOG_GROUP_TYPE", "ALWAYS"];
    made(&names, each(state, rows))
}

/// The newest logs of each thread, which are online.
fn online(state: &State) -> impl Iterator<Item = &Log> {
    state
        .redo
        .threads
        .iter()
        .filter(|thread| !thread.is_dropped)
        .flat_map(|thread| &thread.logs[thread.logs.len().saturating_sub(GROUPS as usize)..])
}

fn scn(scn: u64) -> Value {
    Value::Number(Number::from(scn))
}

fn logs(state: &State) -> View {
    let names = [
        "GROUP##",
        "THREAD##",
        "SEQUENCE##",
        "BYTES#",
        "BLOCKSIZE#",
        "MEMBERS#",
        "ARCHIVED",
        "STATUS",
        "FIRST_CHANGE##",
        "NEXT_CHANGE##",
        "FIRST_TIME@",
    ];
    let row = |log: &Log| {
        let is_current = log.next_scn.is_none();
        vec![
            number(log.group()),
            number(log.thread),
            number(log.sequence),
            number(i64::try_from(LOG_BYTES).unwrap_or(i64::MAX)),
            number(i64::try_from(BLOCK_BYTES).unwrap_or(i64::MAX)),
            number(1_i64),
            yes(!is_current),
            Value::text(if is_current { "CURRENT" } else { "INACTIVE" }),
            scn(log.first_scn),
            scn(log.next_scn.unwrap_or(18_446_744_073_709_551_615)),
            Value::DateTime(log.first_time),
        ]
    };
    made(&names, online(state).map(row).collect())
}

fn log_files(state: &State) -> View {
    let row = |log: &Log| {
        vec![
            number(log.group()),
            Value::Null,
            Value::text("ONLINE"),
            Value::text(log.online_name()),
        ]
    };
    made(&["GROUP##", "STATUS", "TYPE", "MEMBER"], online(state).map(row).collect())
}

fn archived_logs(state: &State) -> View {
    let names = [
        "NAME",
        "DEST_ID#",
        "THREAD##",
        "SEQUENCE##",
        "FIRST_CHANGE##",
        "NEXT_CHANGE##",
        "BLOCKS#",
        "BLOCK_SIZE#",
        "RESETLOGS_CHANGE##",
        "ARCHIVED",
        "DELETED",
        "STATUS",
        "STANDBY_DEST",
        "FIRST_TIME@",
        "DICTIONARY_BEGIN",
        "DICTIONARY_END",
    ];
    let archived = state.redo.logs().filter(|log| log.next_scn.is_some());
    let row = |log: &Log| {
        let name = if log.is_deleted { Value::Null } else { Value::text(log.archive_name()) };
        vec![
            name,
            number(1_i64),
            number(log.thread),
            number(log.sequence),
            scn(log.first_scn),
            scn(log.next_scn.unwrap_or(0)),
            number(i64::try_from(log.bytes / BLOCK_BYTES).unwrap_or(i64::MAX)),
            number(i64::try_from(BLOCK_BYTES).unwrap_or(i64::MAX)),
            number(1_i64),
            yes(true),
            yes(log.is_deleted),
            Value::text(if log.is_deleted { "D" } else { "A" }),
            yes(false),
            Value::DateTime(log.first_time),
            yes(false),
            yes(false),
        ]
    };
    made(&names, archived.map(row).collect())
}

fn log_history(state: &State) -> View {
    let ended = state.redo.logs().filter_map(|log| Some((log, log.next_scn?)));
    let row = |(log, next): (&Log, u64)| {
        vec![number(log.thread), number(log.sequence), scn(log.first_scn), scn(next)]
    };
    let names = ["THREAD##", "SEQUENCE##", "FIRST_CHANGE##", "NEXT_CHANGE##"];
    made(&names, ended.map(row).collect())
}

fn threads(state: &State) -> View {
    let names = [
        "THREAD##",
        "STATUS",
        "ENABLED",
        "INSTANCE",
        "SEQUENCE##",
        "ENABLE_CHANGE##",
        "LAST_REDO_SEQUENCE##",
        "LAST_REDO_CHANGE##",
        "CHECKPOINT_CHANGE##",
        "LAST_REDO_BLOCK#",
        "ENABLE_TIME@",
        "DISABLE_CHANGE##",
        "DISABLE_TIME@",
        "LAST_REDO_TIME@",
        "GROUPS#",
        "CURRENT_GROUP##",
        "CHECKPOINT_TIME@",
        "OPEN_TIME@",
        "CON_ID#",
    ];
    let row = |thread: &Thread| {
        let log = thread.current();
        vec![
            number(log.thread),
            Value::text(if thread.is_closed { "CLOSED" } else { "OPEN" }),
            Value::text("PUBLIC"),
            Value::text(format!("STANDIN{}", log.thread)),
            number(log.sequence),
            scn(thread.enabled_scn),
            number(log.sequence),
            scn(thread.written_scn),
            scn(thread.enabled_scn),
            number(i64::try_from(log.bytes / BLOCK_BYTES).unwrap_or(i64::MAX)),
            Value::DateTime(log.first_time),
            number(0_i64),
            Value::Null,
            Value::DateTime(log.first_time),
            number(GROUPS),
            number(log.group()),
            Value::DateTime(log.first_time),
            Value::DateTime(log.first_time),
            number(0_i64),
        ]
    };
    let known = state.redo.threads.iter().filter(|thread| !thread.is_dropped);
    made(&names, known.map(row).collect())
}

/// Containers that the session's container sees: the root all of them, a pluggable database itself.
fn containers(state: &State, view: &str) -> View {
    let all = (0..).zip(&state.containers).filter(|(number, _)| {
        let shows_root = view == "V$CONTAINERS";
        (state.is_cdb() && (*number > 0 || shows_root))
            && (state.container == 0 || state.container == *number)
    });
    let row = |(container, held): (u16, &Container)| {
        vec![
            number(state.container_id(container)),
            Value::text(&held.name),
            Value::text("READ WRITE"),
        ]
    };
    made(&["CON_ID#", "NAME", "OPEN_MODE"], all.map(row).collect())
}

/// Open transactions of one instance or of all; the root sees those of all containers.
fn transactions(state: &State, instance: Option<u16>) -> View {
    let seen = (0..state.containers.len()).filter_map(|number| u16::try_from(number).ok());
    let seen = seen.filter(|number| state.container == 0 || state.container == *number);
    let open = seen.flat_map(|number| state.transactions_of(number).iter());
    let open = open.filter(|(_, open)| instance.is_none_or(|instance| open.instance == instance));
    let row = |(xid, transaction): (&Xid, &Transaction)| {
        Some(vec![
            number(xid.segment),
            number(xid.slot),
            number(xid.sequence),
            scn(transaction.start_scn?),
            Value::text("ACTIVE"),
        ])
    };
    let names = ["XIDUSN#", "XIDSLOT#", "XIDSQN#", "START_SCN#", "STATUS"];
    made(&names, open.filter_map(row).collect())
}

fn version() -> View {
    let text =
        "Oracle Database 19c Enterprise Edition Release 19.0.0.0.0 - Production (a stand-in)";
    let full = "Oracle Database 19c Enterprise Edition Release 19.0.0.0.0 - Production (a stand-in)\nVersion 19.3.0.0.0";
    made(
        &["BANNER", "BANNER_FULL", "CON_ID#"],
        vec![vec![Value::text(text), Value::text(full), number(0_i64)]],
    )
}

fn parameters() -> View {
    let rows = [
        ("NLS_CHARACTERSET", "AL32UTF8"),
        ("NLS_NCHAR_CHARACTERSET", "AL16UTF16"),
        ("NLS_LENGTH_SEMANTICS", "BYTE"),
        ("NLS_RDBMS_VERSION", "19.0.0.0.0"),
    ];
    let rows = rows.map(|(name, value)| vec![Value::text(name), Value::text(value)]).to_vec();
    made(&["PARAMETER", "VALUE"], rows)
}

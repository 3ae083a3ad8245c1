//! What a statement is.

use std::fmt;

use super::column::ColumnDefinition;
use crate::schema::CollationId;

/// How much of a statement an error shows, in characters.
const ERROR_EXCERPT_CHARS_MAX: usize = 60;

/// A table or view, its database filled in. Names are as written: compare them as the server's
/// `lower_case_table_names` says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The database.
    pub database: String,
    /// The table.
    pub table: String,
}

impl TableName {
    /// Builds a name.
    pub fn new(database: impl Into<String>, table: impl Into<String>) -> Self {
        Self { database: database.into(), table: table.into() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.table)
    }
}

/// Why a statement, or a part of it, was not understood. The remedy is always the same: read the
/// catalog again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotUnderstood {
    /// For a person: what was expected and what is there.
    pub reason: String,
}

impl NotUnderstood {
    /// A reason in words.
    pub(super) fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    /// What was expected at a place, and what is there.
    pub(super) fn at(rest: &str, offset: usize, wanted: &str) -> Self {
        let printable = |sign: char| if sign.is_control() { ' ' } else { sign };
        let excerpt: String = rest.chars().take(ERROR_EXCERPT_CHARS_MAX).map(printable).collect();
        if excerpt.is_empty() {
            return Self::because(format!("the statement ends, {wanted} was expected"));
        }
        Self::because(format!("{wanted} was expected at byte {offset}, found `{excerpt}`"))
    }
}

/// A statement, as far as replication has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// `CREATE TABLE`
    CreateTable(CreateTable),
    /// `ALTER TABLE`, also ``DROP INDEX `PRIMARY` ON t``, which is the same as one.
    AlterTable(AlterTable),
    /// `DROP TABLE`
    DropTable {
        /// The tables in the order written.
        names: Vec<TableName>,
        /// `TEMPORARY`: no table that others see.
        temporary: bool,
    },
    /// `RENAME TABLE`
    RenameTable {
        /// From and to, in the order in which the server does it.
        pairs: Vec<(TableName, TableName)>,
    },
    /// `TRUNCATE TABLE`: all rows go without row events.
    TruncateTable {
        /// The table.
        name: TableName,
    },
    /// `CREATE DATABASE`
    CreateDatabase {
        /// Its name.
        name: String,
        /// The default collation, if it was given and is known.
        collation: Option<CollationId>,
    },
    /// `DROP DATABASE`: all its tables go with it.
    DropDatabase {
        /// Its name.
        name: String,
    },
    /// `ALTER DATABASE`
    AlterDatabase {
        /// Its name.
        name: String,
        /// The new default collation, if it was given and is known.
        collation: Option<CollationId>,
    },
    /// `CREATE INDEX`: rows look as before.
    CreateIndex {
        /// The table.
        table: TableName,
    },
    /// `DROP INDEX`: rows look as before.
    DropIndex {
        /// The table.
        table: TableName,
    },
    /// `CREATE`, `ALTER` or `DROP` of a view, procedure, function, trigger or event.
    StoredObject {
        /// What is done.
        verb: Verb,
        /// To what kind of object.
        object: StoredObject,
        /// The objects; more than one only of `DROP VIEW`.
        names: Vec<TableName>,
    },
    /// Transaction control.
    Transaction(TransactionControl),
    /// `GRANT`, `CREATE USER` and the like.
    Account,
    /// Rows changed by a statement (`INSERT`, `LOAD DATA`, …): the log is not row-based here.
    Rows {
        /// The first keyword, upper case.
        verb: String,
    },
    /// Anything else that is known and changes neither rows nor schemas (`FLUSH`, `ANALYZE TABLE`, …).
    Other {
        /// The first keyword, upper case.
        verb: String,
    },
    /// Not understood: read the catalog again.
    Unknown(NotUnderstood),
}

/// What is done to a stored object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `CREATE`
    Create,
    /// `ALTER`
    Alter,
    /// `DROP`
    Drop,
}

/// Kinds of stored objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredObject {
    /// `VIEW`
    View,
    /// `PROCEDURE`
    Procedure,
    /// `FUNCTION`, also a loadable one
    Function,
    /// `TRIGGER`
    Trigger,
    /// `EVENT`
    Event,
}

/// Begin and end of transactions. XIDs are as written, for example `X'61',X'',1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionControl {
    /// `BEGIN`, `START TRANSACTION`
    Begin,
    /// `COMMIT`
    Commit,
    /// `ROLLBACK`
    Rollback,
    /// `SAVEPOINT name`
    Savepoint(String),
    /// `ROLLBACK TO name`
    RollbackTo(String),
    /// `RELEASE SAVEPOINT name`
    Release(String),
    /// `XA START xid`
    XaStart(String),
    /// `XA END xid`
    XaEnd(String),
    /// `XA PREPARE xid`
    XaPrepare(String),
    /// `XA COMMIT xid`
    XaCommit {
        /// The XID.
        xid: String,
        /// `ONE PHASE`: nothing was prepared before.
        one_phase: bool,
    },
    /// `XA ROLLBACK xid`
    XaRollback(String),
}

/// `CREATE TABLE`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    /// The new table.
    pub name: TableName,
    /// `TEMPORARY`: no table that others see.
    pub temporary: bool,
    /// `IF NOT EXISTS`: the table may have been there, with other columns.
    pub if_not_exists: bool,
    /// `LIKE` another table, whose columns it gets.
    pub like: Option<TableName>,
    /// Columns come from a query, maybe besides those written.
    pub as_select: bool,
    /// The columns in order, or why they were not understood; empty with `LIKE`.
    pub columns: Result<Vec<ColumnDefinition>, NotUnderstood>,
    /// The columns of the primary key in key order, however it was written.
    pub primary_key: Vec<String>,
    /// The table's own default collation, if it was given.
    pub collation: Option<CollationId>,
}

/// `ALTER TABLE`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterTable {
    /// The table, by its name before.
    pub name: TableName,
    /// The operations in order.
    pub ops: Vec<AlterOp>,
}

/// Where a column goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// To the end if it is new, else where it was.
    Unsaid,
    /// `FIRST`
    First,
    /// `AFTER` another column
    After(String),
}

/// One operation of an `ALTER TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterOp {
    /// `ADD COLUMN`; `ADD COLUMN (a …, b …)` gives several.
    AddColumn {
        /// The new column.
        column: ColumnDefinition,
        /// Where it goes.
        position: Position,
        /// Nothing happens if it is there.
        if_not_exists: bool,
    },
    /// `DROP COLUMN`
    DropColumn {
        /// The column.
        name: String,
        /// Nothing happens if it is not there.
        if_exists: bool,
    },
    /// `MODIFY COLUMN`
    ModifyColumn {
        /// The new definition, under the old name.
        column: ColumnDefinition,
        /// Where it goes.
        position: Position,
        /// Nothing happens if it is not there.
        if_exists: bool,
    },
    /// `CHANGE COLUMN`
    ChangeColumn {
        /// The name before.
        old: String,
        /// The new definition with its new name.
        column: ColumnDefinition,
        /// Where it goes.
        position: Position,
        /// Nothing happens if it is not there.
        if_exists: bool,
    },
    /// `RENAME COLUMN`
    RenameColumn {
        /// The name before.
        from: String,
        /// The name after.
        to: String,
        /// Nothing happens if it is not there.
        if_exists: bool,
    },
    /// `RENAME [TO] name`
    RenameTo(TableName),
    /// `CONVERT TO CHARACTER SET`: of all text columns.
    ConvertCharset(CollationId),
    /// `DEFAULT CHARACTER SET`, `COLLATE`: for columns added from now on.
    DefaultCollation(CollationId),
    /// `ALTER COLUMN … SET DEFAULT`, `DROP DEFAULT`, `SET VISIBLE`: rows look as before.
    AlterColumnDefault {
        /// The column.
        name: String,
    },
    /// `ADD INDEX`, `KEY`, `UNIQUE`, `FULLTEXT`, `SPATIAL`: rows look as before.
    AddIndex,
    /// `ADD PRIMARY KEY`
    AddPrimaryKey {
        /// Its columns in key order.
        columns: Vec<String>,
    },
    /// `DROP INDEX`, `DROP KEY`
    DropIndex {
        /// Its name.
        name: String,
    },
    /// `DROP PRIMARY KEY`
    DropPrimaryKey,
    /// `RENAME INDEX`, `ALTER INDEX … INVISIBLE`
    AlterIndex,
    /// Adding, dropping or altering a foreign key or check.
    Constraint,
    /// `ADD PARTITION` and the like.
    Partition(PartitionOp),
    /// `DISCARD TABLESPACE`, `IMPORT TABLESPACE`: rows go and come without row events.
    Tablespace,
    /// `ENGINE`, `COMMENT`, `ROW_FORMAT` and other options, `ORDER BY`, `FORCE`, `ALGORITHM`, `LOCK`,
    /// `ENABLE KEYS`: rows look as before.
    TableOption,
    /// The table is there, but what is done to it was not understood: read its catalog again.
    NotUnderstood(NotUnderstood),
}

/// Operations on partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionOp {
    /// Rows stay: `ADD`, `REORGANIZE`, `COALESCE`, `REBUILD`, `REMOVE PARTITIONING`, `PARTITION BY`, …
    Layout,
    /// Rows go without row events: `DROP`, `TRUNCATE`, `DISCARD`.
    RowsDropped,
    /// `EXCHANGE … WITH TABLE`: rows move without row events.
    Exchange {
        /// The other table.
        with: TableName,
    },
}

impl Statement {
    /// The tables and views that the statement creates, changes or drops, by their names before and
    /// after; empty for temporary tables and for statements about whole databases
    /// (see [`Statement::database`]).
    pub fn tables(&self) -> Vec<&TableName> {
        match self {
            Self::CreateTable(create) if !create.temporary => vec![&create.name],
            Self::AlterTable(alter) => alter.tables(),
            Self::DropTable { names, temporary: false } => names.iter().collect(),
            Self::RenameTable { pairs } => pairs.iter().flat_map(|(from, to)| [from, to]).collect(),
            Self::TruncateTable { name } => vec![name],
            Self::CreateIndex { table } | Self::DropIndex { table } => vec![table],
            Self::StoredObject { object: StoredObject::View, names, .. } => names.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// What happened to rows without row events and with the table still there, in words; `None` for statements that do
    /// no such thing and for `TRUNCATE TABLE`, which says it itself.
    pub fn rows_unseen(&self) -> Option<&'static str> {
        let Self::AlterTable(alter) = self else { return None };
        alter.ops.iter().find_map(|op| match op {
            AlterOp::Partition(PartitionOp::RowsDropped) => Some("rows of partitions went"),
            AlterOp::Partition(PartitionOp::Exchange { .. }) => {
                Some("rows of a partition and of a table changed places")
            }
            AlterOp::Tablespace => Some("rows went or came with a tablespace"),
            _ => None,
        })
    }

    /// The database that the statement creates, changes or drops as a whole.
    pub fn database(&self) -> Option<&str> {
        match self {
            Self::CreateDatabase { name, .. }
            | Self::DropDatabase { name }
            | Self::AlterDatabase { name, .. } => Some(name),
            _ => None,
        }
    }
}

impl AlterTable {
    fn tables(&self) -> Vec<&TableName> {
        let others = self.ops.iter().filter_map(|op| match op {
            AlterOp::RenameTo(to) => Some(to),
            AlterOp::Partition(PartitionOp::Exchange { with }) => Some(with),
            _ => None,
        });
        std::iter::once(&self.name).chain(others).collect()
    }

    /// The table's new default collation, if the statement sets one.
    pub fn default_collation(&self) -> Option<CollationId> {
        self.ops.iter().rev().find_map(|op| match op {
            AlterOp::ConvertCharset(id) | AlterOp::DefaultCollation(id) => Some(*id),
            _ => None,
        })
    }
}

//! The tables as changes are applied to them, each in the version that it has at the present point of the log.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tailrace_codec::gaussdb::apply::ApplyTable;
use tailrace_codec::gaussdb::{ColumnTarget, RedoRows, SourceColumn};
use tailrace_codec::oracle::definition::TableChange;
use tailrace_codec::oracle::{DatabaseCharset, InternalForm, OracleColumn, TableVersion};

use super::TableChoice;
use super::large::LargeColumns;
use super::position::TableCopy;
use super::untold::KeyColumns;
use crate::error::{Error, ErrorKind, Result};
use crate::sink::gaussdb::{ApplyTables, GaussSink, TableRecord};
use crate::source::oracle::catalog;
use crate::source::oracle::mining::{Mined, UNKNOWN_OWNER};
use crate::source::oracle::session::Session;

/// The tables.
pub(super) struct Targets {
    pub(super) charset: DatabaseCharset,
    internal: InternalForm,
    pub(super) choices: Vec<TableChoice>,
    versions: Vec<TableVersion>,
    /// SCNs of tables that were copied at one of their own.
    own_scns: Vec<Option<u64>>,
    pub(super) rows: Vec<RedoRows>,
    pub(super) large: Vec<LargeColumns>,
    pub(super) keys: Vec<KeyColumns>,
    pub(super) tables: Arc<ApplyTables>,
}

impl Targets {
    /// Reads the versions that the target keeps beside the job's position, and its tables.
    ///
    /// # Errors
    /// `Checkpoint` if a version is not there or damaged; those of source and target.
    pub(super) fn open(
        choices: &[TableChoice],
        session: &Session,
        sink: &mut GaussSink,
    ) -> Result<Self> {
        let mut targets = Self {
            charset: catalog::charset(session)?,
            internal: catalog::internal_form(session)?,
            choices: choices.to_vec(),
            versions: Vec::new(),
            own_scns: Vec::new(),
            rows: Vec::new(),
            large: Vec::new(),
            keys: Vec::new(),
            tables: Arc::default(),
        };
        let kept = sink.tables()?.into_iter().map(|record| (record.name.clone(), record));
        let mut kept: HashMap<String, TableRecord> = kept.collect();
        for (number, choice) in (0_u32..).zip(choices) {
            let record = kept.remove(&choice.to_string());
            let copied = record.as_ref().and_then(|record| record.copied.as_deref());
            targets.own_scns.push(TableCopy::parse(copied)?.own_scn);
            let version = record.and_then(|record| record.version).ok_or_else(|| {
                let text = format!("{choice}: the target keeps no version of it for this job");
                Error::new(ErrorKind::Checkpoint, text)
            })?;
            let version: TableVersion = serde_json::from_str(&version).map_err(|e| {
                let text = format!("{choice}: its version at the target cannot be read: {e}");
                Error::new(ErrorKind::Checkpoint, text)
            })?;
            let target = target_of(choice, sink)?;
            targets.rows.push(redo_rows(&version, &target, targets.internal));
            targets.large.push(LargeColumns::new(&version, &target));
            targets.keys.push(KeyColumns::new(&version, &target));
            targets.versions.push(version);
            Arc::make_mut(&mut targets.tables).insert(number, target);
        }
        Ok(targets)
    }

    /// Whether a table was copied at that SCN or a later one.
    pub(super) fn is_in_rows(&self, table: u32, scn: u64) -> bool {
        self.own_scns.get(table as usize).is_some_and(|own| own.is_some_and(|own| scn <= own))
    }

    /// The tables' numbers, for whoever reads the log.
    ///
    /// # Errors
    /// Those of the session.
    pub(super) fn numbers(&self, session: &Session) -> Result<TableNumbers> {
        let mut numbers = TableNumbers {
            choices: self.choices.clone(),
            names: HashMap::new(),
            objects: HashMap::new(),
        };
        for (number, choice) in (0_u32..).zip(&self.choices) {
            let of_owner = numbers.names.entry(choice.owner.clone()).or_default();
            of_owner.insert(choice.name.clone(), number);
            numbers.find_objects(number, session)?;
        }
        Ok(numbers)
    }

    /// Takes a table's definition in: its version goes with the open transaction.
    ///
    /// # Errors
    /// Those of the target.
    pub(super) fn change(
        &mut self,
        number: u32,
        changes: &[TableChange],
        sink: &mut GaussSink,
    ) -> Result<()> {
        let (Some(choice), Some(version)) =
            (self.choices.get(number as usize), self.versions.get_mut(number as usize))
        else {
            return Ok(());
        };
        changes.iter().for_each(|change| version.change(change));
        sink.save_table_version(&choice.to_string(), &version_text(version)?)
    }

    /// Looks at a table of the target anew behind a definition.
    ///
    /// # Errors
    /// Those of the target.
    pub(super) fn renew(&mut self, number: u32, sink: &mut GaussSink) -> Result<()> {
        let at = number as usize;
        let (Some(choice), Some(version)) = (self.choices.get(at), self.versions.get(at)) else {
            return Ok(());
        };
        let target = target_of(choice, sink)?;
        let rows = redo_rows(version, &target, self.internal);
        self.rows[at] = rows;
        self.large[at] = LargeColumns::new(version, &target);
        self.keys[at] = KeyColumns::new(version, &target);
        Arc::make_mut(&mut self.tables).insert(number, target);
        Ok(())
    }
}

/// Which of LogMiner's rows are of which table.
pub(super) struct TableNumbers {
    choices: Vec<TableChoice>,
    /// By owner and name.
    names: HashMap<String, HashMap<String, u32>>,
    /// By that of the object, as which LogMiner tells rows of tables that were defined in another way since.
    objects: HashMap<u64, u32>,
}

impl TableNumbers {
    /// The number of a row's table, if it is replicated.
    pub(super) fn of(&self, mined: &Mined<'_>) -> Option<u32> {
        if mined.owner == UNKNOWN_OWNER {
            return self.objects.get(&mined.object).copied();
        }
        self.names.get(mined.owner)?.get(mined.table).copied()
    }

    /// Owners of the tables.
    pub(super) fn owners(&self) -> BTreeSet<String> {
        self.choices.iter().map(|choice| choice.owner.clone()).collect()
    }

    /// Notes the objects of a table: itself and its partitions.
    ///
    /// # Errors
    /// Those of the session.
    pub(super) fn find_objects(&mut self, number: u32, session: &Session) -> Result<()> {
        let Some(choice) = self.choices.get(number as usize) else { return Ok(()) };
        for object in catalog::objects(session, &choice.owner, &choice.name)? {
            self.objects.insert(object, number);
        }
        Ok(())
    }
}

/// As the target keeps a version.
pub(super) fn version_text(version: &TableVersion) -> Result<String> {
    serde_json::to_string(version).map_err(|e| Error::new(ErrorKind::Bug, e.to_string()))
}

fn target_of(choice: &TableChoice, sink: &mut GaussSink) -> Result<ApplyTable> {
    sink.table(&choice.schema.to_ascii_lowercase(), &choice.target.to_ascii_lowercase())
}

/// How a table's statements become rows: columns find each other by their names. One that the target should have and has not is
/// missing, so a change that tells a value of it stops the job.
fn redo_rows(version: &TableVersion, target: &ApplyTable, internal: InternalForm) -> RedoRows {
    let column = |source: &OracleColumn| {
        let name = source.name.to_ascii_lowercase();
        let place = target.columns().iter().position(|column| column.name == name);
        SourceColumn {
            name: source.name.clone(),
            kind: source.oracle_type(),
            is_stored: !source.is_virtual,
            target: match place {
                Some(place) => ColumnTarget::Column(place),
                None if source.is_hidden || source.is_virtual => ColumnTarget::LeftOut,
                None => ColumnTarget::Missing,
            },
        }
    };
    let columns = version.columns().iter().map(column).collect();
    RedoRows::new(columns, target.columns().len(), internal)
}

//! Tables of a running job that are read beside its stream: those that an edit of its objects added, and those that
//! someone wants again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tailrace_pipeline::checkpoint::Checkpoint;
use tailrace_pipeline::job::Reread;

use super::caller::Caller;
use super::change::Extra;
use super::command::Command;
use super::endpoint::DbType;
use super::job::{Job, TaskMode};
use super::objects::{DatabaseChoice, FoundDatabase, ObjectSelection, filter_fault};
use super::refusal::{Refusal, Result};
use super::{Control, naming, spec};

/// Tables that may wait to be read beside a job's stream, those of an edit beside.
pub const REREADS_MAX: usize = 1_000;

/// What is still to be read beside a job's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReread {
    /// Edit or request that it is of; with the names it is what progress is kept by.
    pub edit: String,
    /// Database.
    pub database: String,
    /// Table; `None` for all that the database has, until the worker has listed them.
    pub table: Option<String>,
    /// Tables of it that need not be read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub but: BTreeSet<String>,
    /// Condition of the rows; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

/// How far one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RereadState {
    /// Its name.
    pub id: String,
    /// Database.
    pub database: String,
    /// Table; `None` for a whole database that is not listed yet.
    pub table: Option<String>,
    /// Condition of the rows.
    pub condition: Option<String>,
    /// Rows delivered.
    pub rows: u64,
}

impl JobReread {
    /// The name by which the data path keeps progress.
    fn id(&self, table: &str) -> String {
        format!("{}/{}.{table}", self.edit, self.database)
    }

    /// Whether a selection has it.
    pub(crate) fn is_of(&self, selection: &ObjectSelection) -> bool {
        let Some(selection) = spec::named_selection(selection) else { return true };
        match &self.table {
            Some(table) => selection.includes(&self.database, table),
            None => selection.includes_database(&self.database),
        }
    }

    /// The same, for a whole database too.
    fn name(&self) -> String {
        self.id(self.table.as_deref().unwrap_or("*"))
    }
}

impl Control {
    /// Has a table, or some of its rows, read again while the stream goes on. Gives its name.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a table that is not selected or a condition that cannot be read,
    /// [`Refusal::Unsupported`] for a job without a stream, [`Refusal::WrongState`].
    pub async fn reread(
        &self,
        caller: &Caller,
        job_id: &str,
        database: String,
        table: String,
        condition: Option<String>,
    ) -> Result<String> {
        if let Some(condition) = &condition
            && let Some(fault) = filter_fault(condition)
        {
            return Err(Refusal::invalid("condition", condition, fault));
        }
        let (table, but) = (Some(table), BTreeSet::new());
        let one = JobReread { edit: naming::new_id(), database, table, but, condition };
        self.command(caller, job_id, Command::Reread, &|job| {
            check(job, &one)?;
            job.rereads.push(one.clone());
            Ok(Extra::default())
        })
        .await?;
        Ok(one.name())
    }

    /// Stops the reading of a table; what was delivered stays.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if nothing of this name is left to read, [`Refusal::WrongState`].
    pub async fn stop_reread(&self, caller: &Caller, job_id: &str, id: &str) -> Result<()> {
        self.command(caller, job_id, Command::Reread, &|job| {
            let before = job.rereads.len();
            job.rereads.retain(|one| one.name() != id);
            if job.rereads.len() == before {
                return Err(Refusal::invalid("id", id, "that of one which is still to be read"));
            }
            Ok(Extra::default())
        })
        .await
        .map(|_| ())
    }

    /// What is still to be read beside the stream, in the order in which it is read.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn rereads(&self, caller: &Caller, job_id: &str) -> Result<Vec<RereadState>> {
        let job = self.inner.load(caller, job_id).await?.job;
        let progress = self.inner.store.progress(job_id).await?;
        let read = progress.and_then(|stored| stored.checkpoint).unwrap_or_else(none_read).rereads;
        let state = |one: &JobReread| {
            let id = one.name();
            let rows = read.iter().find(|read| read.id == id).map_or(0, |read| read.rows);
            let JobReread { database, table, condition, .. } = one.clone();
            RereadState { id, database, table, condition, rows }
        };
        Ok(job.rereads.iter().map(state).collect())
    }
}

fn none_read() -> Checkpoint {
    Checkpoint::initial(0)
}

/// Whether a job can read this.
fn check(job: &Job, one: &JobReread) -> Result<()> {
    if job.engine.target() == DbType::GaussDbV5 {
        return Err(Refusal::Unsupported {
            what: format!("reading a table again in a {} job", job.engine.name()),
            instead: "compare it, and repair what differs".to_owned(),
        });
    }
    if job.task == TaskMode::Full {
        return Err(Refusal::Unsupported {
            what: "reading a table again in a job without an incremental phase".to_owned(),
            instead: "reset the job".to_owned(),
        });
    }
    if job.rereads.len() >= REREADS_MAX {
        let allowed = format!("at most {REREADS_MAX} tables to be read");
        return Err(Refusal::invalid("rereads", job.rereads.len(), allowed));
    }
    let table = one.table.as_deref().unwrap_or_default();
    let selected =
        job.selection.as_ref().is_some_and(|selection| match spec::named_selection(selection) {
            Some(selection) => selection.includes(&one.database, table),
            None => job.listed_databases.iter().flatten().any(|name| *name == one.database),
        });
    if selected {
        return Ok(());
    }
    Err(Refusal::invalid("table", format!("{}.{table}", one.database), "a table that is selected"))
}

/// What a new selection has that the old one had not. Both name their databases.
pub(crate) fn added(old: &ObjectSelection, new: &ObjectSelection, edit: &str) -> Vec<JobReread> {
    let mut added = Vec::new();
    for database in &new.databases {
        let before = old.databases.iter().find(|d| d.name == database.name);
        added.extend(added_of(before, database, edit));
    }
    added
}

fn added_of(before: Option<&DatabaseChoice>, now: &DatabaseChoice, edit: &str) -> Vec<JobReread> {
    let reread = |table: Option<&String>, but: BTreeSet<String>| JobReread {
        edit: edit.to_owned(),
        database: now.name.clone(),
        table: table.cloned(),
        but,
        condition: None,
    };
    let had: BTreeSet<String> = match before {
        Some(DatabaseChoice { tables: None, .. }) => return Vec::new(),
        Some(DatabaseChoice { tables: Some(tables), .. }) => tables.iter().cloned().collect(),
        None => BTreeSet::new(),
    };
    match &now.tables {
        None => vec![reread(None, had)],
        Some(tables) => tables
            .iter()
            .filter(|table| !had.contains(*table))
            .map(|table| reread(Some(table), BTreeSet::new()))
            .collect(),
    }
}

/// The databases whose tables have to be listed first.
pub(crate) fn unlisted(rereads: &[JobReread]) -> Vec<String> {
    rereads.iter().filter(|one| one.table.is_none()).map(|one| one.database.clone()).collect()
}

/// The same with the tables that were found instead of whole databases.
pub(crate) fn listed(rereads: &[JobReread], found: &[FoundDatabase]) -> Vec<JobReread> {
    let mut listed = Vec::with_capacity(rereads.len());
    for one in rereads {
        if one.table.is_some() {
            listed.push(one.clone());
            continue;
        }
        let database = found.iter().find(|database| database.name == one.database);
        for table in database.iter().flat_map(|database| &database.tables) {
            if !one.but.contains(&table.name) {
                listed.push(JobReread {
                    table: Some(table.name.clone()),
                    but: BTreeSet::new(),
                    ..one.clone()
                });
            }
        }
    }
    listed
}

/// As the data path takes them; what is not selected any more is left out.
pub(crate) fn of_spec(
    rereads: &[JobReread],
    is_selected: impl Fn(&str, &str) -> bool,
) -> Vec<Reread> {
    let tables = rereads.iter().filter_map(|one| one.table.as_ref().map(|table| (one, table)));
    tables
        .filter(|(one, table)| is_selected(&one.database, table))
        .map(|(one, table)| Reread {
            id: one.id(table),
            database: one.database.clone(),
            table: table.clone(),
            condition: one.condition.clone(),
        })
        .collect()
}

/// What is left when a checkpoint is durable.
pub(crate) fn left(rereads: &[JobReread], checkpoint: &Checkpoint) -> Vec<JobReread> {
    let done = |one: &JobReread| {
        let id = one.table.as_ref().map(|table| one.id(table));
        checkpoint.rereads.iter().any(|read| read.done && Some(&read.id) == id.as_ref())
    };
    rereads.iter().filter(|one| !done(one)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::objects::{FoundTable, Mappings, ObjectScope};
    use tailrace_pipeline::checkpoint::RereadProgress;

    fn selection(databases: &[(&str, Option<&[&str]>)]) -> ObjectSelection {
        let databases = databases.iter().map(|(name, tables)| DatabaseChoice {
            name: (*name).to_owned(),
            tables: tables.map(|tables| tables.iter().map(|t| (*t).to_owned()).collect()),
        });
        ObjectSelection {
            scope: ObjectScope::Table,
            databases: databases.collect(),
            mappings: Mappings::default(),
            target_database: None,
        }
    }

    #[test]
    fn what_was_not_selected_is_added() {
        let old = selection(&[("a", None), ("b", Some(&["x"])), ("c", Some(&["x"]))]);
        let new = selection(&[
            ("a", Some(&["x"])),
            ("b", Some(&["x", "y"])),
            ("c", None),
            ("d", Some(&["z"])),
            ("e", None),
        ]);
        let added = added(&old, &new, "edit");
        let shown: Vec<(&str, Option<&str>, usize)> = added
            .iter()
            .map(|one| (one.database.as_str(), one.table.as_deref(), one.but.len()))
            .collect();
        assert_eq!(
            shown,
            [("b", Some("y"), 0), ("c", None, 1), ("d", Some("z"), 0), ("e", None, 0)]
        );
        assert_eq!(unlisted(&added), ["c", "e"]);
        let of_old: Vec<bool> = added.iter().map(|one| one.is_of(&old)).collect();
        assert_eq!(of_old, [false, true, false, false]);
        let table =
            |name: &str| FoundTable { name: name.into(), rows_estimated: 0, has_primary_key: true };
        let found = [FoundDatabase { name: "c".into(), tables: ["w", "x"].map(table).into() }];
        let listed = listed(&added, &found);
        assert!(unlisted(&listed).is_empty());
        let spec = of_spec(&listed, |database, _| database != "d");
        let ids: Vec<&str> = spec.iter().map(|reread| reread.id.as_str()).collect();
        assert_eq!(ids, ["edit/b.y", "edit/c.w"]);

        let mut checkpoint = Checkpoint::initial(1);
        for (id, done) in [("edit/b.y", true), ("edit/c.w", false)] {
            let progress = RereadProgress { id: id.into(), after: None, rows: 1, done };
            checkpoint.rereads.push(progress);
        }
        let left = left(&listed, &checkpoint);
        let names: Vec<&str> = left.iter().map(|one| one.database.as_str()).collect();
        assert_eq!(names, ["c", "d"]);
    }
}

//! Rules of tables: which rows and columns of them are delivered, and under which names. They are part of the selected objects;
//! here they are set table by table, and filters are tried at the source before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::change::unchanged;
use super::command::Command;
use super::inner::Inner;
use super::job::Job;
use super::objects::{
    AddedColumn, DatabaseChoice, ObjectScope, ObjectSelection, TableMapping, filter_fault,
};
use super::probe::{explain, from_json, selection_to_check, to_json};
use super::query::{CheckResult, QueryStatus};
use super::refusal::{Refusal, Result};
use super::secrets::JobSecrets;
use super::{Control, settings};
use crate::store::QueryKind;

/// Tables that one call may have rules for, DRS's own bound.
pub const RULES_MAX: usize = 500;
/// Check of the precheck that tells whether filters fit their tables.
const FILTER_CHECK: &str = "srcRowFilterCheck";

/// The columns of a table that are delivered, if not all, and those that have other names.
pub type ChosenColumns = (Option<BTreeSet<String>>, BTreeMap<String, String>);

/// What is changed of a table; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableRule {
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
    /// Its row filter, or that it has none.
    pub filter: Option<Option<String>>,
    /// Its columns, those that are delivered (all by default) and those with other names.
    pub columns: Option<ChosenColumns>,
    /// The columns that decide the partition.
    pub partition_columns: Option<Option<Vec<String>>>,
    /// The columns that it has beside those of the source.
    pub added: Option<BTreeMap<String, AddedColumn>>,
    /// Its name in messages.
    pub target: Option<String>,
}

/// What a filter was found to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedFilter {
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
    /// What is wrong with it.
    pub fault: Option<String>,
}

impl TableRule {
    fn apply(&self, mapping: &mut TableMapping) {
        if let Some(filter) = &self.filter {
            mapping.filter.clone_from(filter);
        }
        if let Some((columns, renamed)) = &self.columns {
            mapping.columns.clone_from(columns);
            mapping.renamed.clone_from(renamed);
        }
        if let Some(columns) = &self.partition_columns {
            mapping.partition_columns.clone_from(columns);
        }
        if let Some(added) = &self.added {
            mapping.added.clone_from(added);
        }
        if let Some(target) = &self.target {
            mapping.target = Some(target.clone()).filter(|target| *target != self.table);
        }
    }

    /// Whether a selection has the table.
    fn check_selected(&self, selection: &ObjectSelection) -> Result<()> {
        let has = |database: &DatabaseChoice| {
            database.name == self.database
                && database.tables.as_ref().is_none_or(|tables| tables.contains(&self.table))
        };
        let is_selected =
            selection.scope == ObjectScope::All || selection.databases.iter().any(has);
        if is_selected {
            return Ok(());
        }
        let name = format!("{}.{}", self.database, self.table);
        Err(Refusal::invalid("db_object", name, "a table that is selected"))
    }
}

/// A selection with rules over it.
fn ruled(selection: &ObjectSelection, rules: &[TableRule]) -> Result<ObjectSelection> {
    if rules.is_empty() {
        return Err(Refusal::Missing { field: "data_process_info".to_owned() });
    }
    if rules.len() > RULES_MAX {
        let allowed = format!("at most {RULES_MAX} tables");
        return Err(Refusal::invalid("data_process_info", rules.len(), allowed));
    }
    let mut changed = selection.clone();
    for rule in rules {
        rule.check_selected(selection)?;
        if let Some(Some(filter)) = &rule.filter
            && let Some(fault) = filter_fault(filter)
        {
            return Err(Refusal::invalid("filter_conditions", filter, fault));
        }
        let databases = &mut changed.mappings.databases;
        let database = databases.entry(rule.database.clone()).or_default();
        let mapping = database.tables.entry(rule.table.clone()).or_default();
        rule.apply(mapping);
        if *mapping == TableMapping::default() {
            database.tables.remove(&rule.table);
        }
        if *database == Default::default() {
            databases.remove(&rule.database);
        }
    }
    Ok(changed)
}

impl Control {
    /// Sets rules of tables that are selected; the id by which their saving is asked for.
    ///
    /// # Errors
    /// [`Refusal::NotConfigured`] if nothing is selected, [`Refusal::Invalid`] for a table that is not, and those of
    /// [`Control::select_objects`].
    pub async fn set_rules(
        &self,
        caller: &Caller,
        job_id: &str,
        rules: &[TableRule],
    ) -> Result<String> {
        let job = self.inner.load(caller, job_id).await?.job;
        let changed = ruled(&selection_to_check(&job)?, rules)?;
        self.select_objects(caller, job_id, changed).await
    }

    /// Tries filters at the source in the background: whether their columns are there, and can be compared as they are.
    ///
    /// # Errors
    /// As [`Control::set_rules`], and [`Refusal::NotConfigured`] for a job that is not complete.
    pub async fn check_filters(
        &self,
        caller: &Caller,
        job_id: &str,
        filters: Vec<TableRule>,
    ) -> Result<String> {
        let job = self.command(caller, job_id, Command::CollectObjects, &unchanged).await?;
        let selection = selection_to_check(&job)?;
        settings::check_link(job.engine, &ruled(&selection, &filters)?)?;
        let secrets = self.inner.secrets_of(job_id).await?;
        let query_id = self.inner.add_query(job_id, QueryKind::Filters, "{}".to_owned()).await?;
        let inner = Arc::clone(&self.inner);
        self.in_background(query_id.clone(), async move {
            let checked = inner.try_filters(&job, &selection, &secrets, &filters).await?;
            to_json(&checked)
        });
        Ok(query_id)
    }

    /// What filters were found to be; empty while they are tried.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`], [`Refusal::Unreachable`] if they could not be tried.
    pub async fn checked_filters(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: &str,
    ) -> Result<(QueryStatus, Vec<CheckedFilter>)> {
        let query = self.query(caller, job_id, query_id, QueryKind::Filters).await?;
        if let Some(why) = query.error {
            return Err(Refusal::Unreachable { why });
        }
        Ok((query.status, from_json(query.result.as_deref())?))
    }

    /// Takes a question down that can be answered at any time; the id by which it is.
    ///
    /// # Errors
    /// [`Refusal::JobMissing`] or [`Refusal::JobDeleted`].
    pub async fn ask_rules(&self, caller: &Caller, job_id: &str, question: &str) -> Result<String> {
        self.inner.load(caller, job_id).await?;
        let id = self.inner.add_query(job_id, QueryKind::Rules, question.to_owned()).await?;
        self.inner.store.finish_query(&id, Ok("null"), None).await?;
        Ok(id)
    }

    /// The question of an id.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`].
    pub async fn asked_rules(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: &str,
    ) -> Result<String> {
        self.query(caller, job_id, query_id, QueryKind::Rules).await.map(|query| query.request)
    }
}

impl Inner {
    /// All filters at once, and one by one if that says that something is wrong.
    async fn try_filters(
        &self,
        job: &Job,
        selection: &ObjectSelection,
        secrets: &JobSecrets,
        filters: &[TableRule],
    ) -> Result<Vec<CheckedFilter>, String> {
        let found = |rule: &TableRule, fault| CheckedFilter {
            database: rule.database.clone(),
            table: rule.table.clone(),
            fault,
        };
        if self.filter_fault(job, selection, secrets, filters).await?.is_none() {
            return Ok(filters.iter().map(|rule| found(rule, None)).collect());
        }
        let mut checked = Vec::with_capacity(filters.len());
        for rule in filters {
            let one = std::slice::from_ref(rule);
            let fault = self.filter_fault(job, selection, secrets, one).await?;
            checked.push(found(rule, fault));
        }
        Ok(checked)
    }

    /// What the source says of these filters alone.
    async fn filter_fault(
        &self,
        job: &Job,
        selection: &ObjectSelection,
        secrets: &JobSecrets,
        filters: &[TableRule],
    ) -> Result<Option<String>, String> {
        let mut tables: BTreeMap<&String, Vec<String>> = BTreeMap::new();
        for rule in filters {
            tables.entry(&rule.database).or_default().push(rule.table.clone());
        }
        let choice = |(name, tables): (&String, Vec<String>)| DatabaseChoice {
            name: name.clone(),
            tables: Some(tables),
        };
        let databases: Vec<_> = tables.into_iter().map(choice).collect();
        let mut alone =
            ObjectSelection { scope: ObjectScope::Table, databases, ..selection.clone() };
        // Of other tables nothing is asked.
        alone.mappings = Default::default();
        let alone = ruled(&alone, filters).map_err(|refusal| refusal.to_string())?;
        let items = self.run_checks(job, &alone, secrets).await.map_err(|e| explain(&e))?;
        let item = items.iter().find(|item| item.item == FILTER_CHECK);
        let Some(item) = item else {
            // The checks end at the first that keeps them from going on.
            let failed = items.iter().filter(|item| item.result == CheckResult::Failed);
            let why: Vec<_> = failed.filter_map(|item| item.reason.clone()).collect();
            return Err(why.join("; "));
        };
        let fault = item.reason.clone().unwrap_or_else(|| item.item.clone());
        Ok((item.result == CheckResult::Failed).then_some(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection() -> ObjectSelection {
        let database = |name: &str, tables: Option<&[&str]>| DatabaseChoice {
            name: name.to_owned(),
            tables: tables.map(|tables| tables.iter().map(|&t| t.to_owned()).collect()),
        };
        ObjectSelection {
            scope: ObjectScope::Table,
            databases: vec![database("shop", Some(&["orders"])), database("crm", None)],
            mappings: Default::default(),
            target_database: None,
        }
    }

    fn filter(database: &str, table: &str, filter: Option<&str>) -> TableRule {
        TableRule {
            database: database.to_owned(),
            table: table.to_owned(),
            filter: Some(filter.map(str::to_owned)),
            ..TableRule::default()
        }
    }

    #[test]
    fn a_rule_changes_its_part_of_a_table_alone() {
        let rules = [
            filter("shop", "orders", Some("id > 5")),
            TableRule {
                target: Some("people".to_owned()),
                ..filter("crm", "users", Some("id = 1"))
            },
        ];
        let with = ruled(&selection(), &rules).expect("they fit");
        let table = |selection: &ObjectSelection, database: &str, table: &str| {
            let database = selection.mappings.databases.get(database);
            database.and_then(|database| database.tables.get(table)).cloned()
        };
        let users = table(&with, "crm", "users").expect("a mapping");
        assert_eq!(
            (users.filter.as_deref(), users.target.as_deref()),
            (Some("id = 1"), Some("people"))
        );
        let gone = [filter("shop", "orders", None), filter("crm", "users", None)];
        let without = ruled(&with, &gone).expect("they fit");
        assert_eq!(table(&without, "shop", "orders"), None);
        let users = table(&without, "crm", "users").expect("its name stays");
        assert_eq!((users.filter, users.target.as_deref()), (None, Some("people")));
    }

    #[test]
    fn rules_of_other_tables_and_those_that_cannot_be_read_are_refused() {
        for (rule, said) in [
            (filter("shop", "users", None), "shop.users"),
            (filter("other", "orders", None), "other.orders"),
            (filter("shop", "orders", Some("id >")), "filter_conditions"),
        ] {
            let refusal = ruled(&selection(), &[rule]).expect_err(said).to_string();
            assert!(refusal.contains(said), "{refusal}");
        }
        let many = vec![filter("shop", "orders", None); RULES_MAX + 1];
        assert!(ruled(&selection(), &many).is_err() && ruled(&selection(), &[]).is_err());
    }
}

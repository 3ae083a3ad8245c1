//! Rules as they are answered.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::v5::object_tree::DbObjectsView,
    control::{
        JobStatus,
        job::Job,
        objects::{
            AddedColumn, DatabaseChoice, DatabaseMapping, Mappings, ObjectScope, ObjectSelection,
            TableMapping,
        },
    },
};

/// The rule of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5DataProcessInfo)]
pub(crate) struct RuleView {
    /// `table`
    pub process_rule_level: &'static str,
    /// `job`
    pub source: &'static str,
    /// Always false: each table has a rule of its own.
    pub is_batch_process: bool,
    /// Its row filter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filter_conditions: Vec<ConditionView>,
    /// The columns that it has beside those of the source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_columns: Vec<AddedView>,
    /// Kinds of change that become messages, of the whole job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dml_operation: Option<String>,
    /// Its columns that were chosen or have another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_object_column_info: Option<ColumnsView>,
    /// The table, with all of that in the form of the objects' PUT.
    pub db_object: DbObjectsView,
    /// Whether it is in force.
    pub is_synchronized: bool,
}

/// A row filter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5DataFilteringConditionView)]
pub(crate) struct ConditionView {
    /// Condition.
    pub value: String,
    /// `contentConditionalFilter`
    pub filtering_type: &'static str,
}

/// A column that the source does not have.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5AddColumnInfo)]
pub(crate) struct AddedView {
    /// What it says.
    pub column_type: &'static str,
    /// Name.
    pub column_name: String,
    /// Value, of some types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_value: Option<String>,
    /// Type.
    pub data_type: &'static str,
}

/// Columns of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5DbObjectColumnInfo)]
pub(crate) struct ColumnsView {
    /// Database.
    pub db_name: String,
    /// Table.
    pub table_name: String,
    /// Columns.
    pub column_infos: Vec<ColumnView>,
    /// How many.
    pub total_count: usize,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = V5QueryColumnInfo)]
pub(crate) struct ColumnView {
    /// Name at the source.
    pub column_name: String,
    /// Name in messages.
    pub column_mapped_name: String,
    /// It is filtered out; those that are not named are, if any is chosen.
    pub is_filtered: bool,
    /// It decides the partition.
    pub is_partition_key: bool,
}

/// Columns that a table has beside those of the source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ColumnProcessObjects)]
pub(crate) struct ExtraColumns {
    /// `database.table`
    pub object_source_names: Vec<String>,
    /// Its name in messages.
    pub object_alias_name: String,
    /// Whether it is in force.
    pub is_sent: bool,
    /// The columns.
    pub extra_column_infos: Vec<AddedView>,
}

/// A table with a rule.
pub(super) struct Ruled<'a> {
    pub(super) database: &'a str,
    pub(super) table: &'a str,
    pub(super) mapping: &'a TableMapping,
    /// Whether it is in force.
    pub(super) is_sent: bool,
}

/// The tables of a job that have rules, by name.
pub(super) fn ruled(job: &Job) -> Vec<Ruled<'_>> {
    let selection = job.edited_selection.as_ref().or(job.selection.as_ref());
    let Some(selection) = selection else { return Vec::new() };
    let runs = job.status() != JobStatus::Configuration;
    let mut all = Vec::new();
    for (database, mapping) in &selection.mappings.databases {
        for (table, mapping) in &mapping.tables {
            let now = job.selection.as_ref().and_then(|now| {
                now.mappings.databases.get(database).and_then(|d| d.tables.get(table))
            });
            let is_sent = runs && now == Some(mapping);
            all.push(Ruled { database, table, mapping, is_sent });
        }
    }
    all
}

/// The rules of a job, one per table.
pub(super) fn rules(job: &Job) -> Vec<RuleView> {
    let kinds = job.policy.as_ref().and_then(|policy| policy.dml_types());
    ruled(job).iter().map(|one| rule(one, kinds.clone())).collect()
}

fn rule(one: &Ruled<'_>, dml_operation: Option<String>) -> RuleView {
    let condition = |value: &String| ConditionView {
        value: value.clone(),
        filtering_type: "contentConditionalFilter",
    };
    RuleView {
        process_rule_level: "table",
        source: "job",
        is_batch_process: false,
        filter_conditions: one.mapping.filter.iter().map(condition).collect(),
        add_columns: added(one.mapping),
        dml_operation,
        db_object_column_info: columns(one),
        db_object: alone(one),
        is_synchronized: one.is_sent,
    }
}

/// The table as a selection of its own.
fn alone(one: &Ruled<'_>) -> DbObjectsView {
    let tables = BTreeMap::from([(one.table.to_owned(), one.mapping.clone())]);
    let mapping = DatabaseMapping { target: None, tables };
    let mut mappings = Mappings::default();
    mappings.databases.insert(one.database.to_owned(), mapping);
    let choice =
        DatabaseChoice { name: one.database.to_owned(), tables: Some(vec![one.table.to_owned()]) };
    let selection = ObjectSelection {
        scope: ObjectScope::Table,
        databases: vec![choice],
        mappings,
        target_database: None,
    };
    DbObjectsView::of_selection(Some(&selection))
}

fn columns(one: &Ruled<'_>) -> Option<ColumnsView> {
    let TableMapping { columns, renamed, partition_columns, .. } = one.mapping;
    let partition: Vec<&String> = partition_columns.iter().flatten().collect();
    let mut names: Vec<&String> = columns.iter().flatten().collect();
    names.extend(renamed.keys());
    names.extend(&partition);
    names.sort();
    names.dedup();
    let infos: Vec<_> = names
        .into_iter()
        .map(|name| ColumnView {
            column_name: name.clone(),
            column_mapped_name: renamed.get(name).unwrap_or(name).clone(),
            is_filtered: columns.as_ref().is_some_and(|columns| !columns.contains(name)),
            is_partition_key: partition.contains(&name),
        })
        .collect();
    (!infos.is_empty()).then(|| ColumnsView {
        db_name: one.database.to_owned(),
        table_name: one.table.to_owned(),
        total_count: infos.len(),
        column_infos: infos,
    })
}

fn added(mapping: &TableMapping) -> Vec<AddedView> {
    let view = |(name, column): (&String, &AddedColumn)| AddedView {
        column_type: column.operation.name(),
        column_name: name.clone(),
        column_value: column.value.clone(),
        data_type: column.r#type.name(),
    };
    mapping.added.iter().map(view).collect()
}

/// The columns of a job's tables beside those of the source.
pub(super) fn extra_columns(job: &Job) -> Vec<ExtraColumns> {
    let with = ruled(job).into_iter().filter(|one| !one.mapping.added.is_empty());
    with.map(|one| ExtraColumns {
        object_source_names: vec![format!("{}.{}", one.database, one.table)],
        object_alias_name: one.mapping.target.clone().unwrap_or_else(|| one.table.to_owned()),
        is_sent: one.is_sent,
        extra_column_infos: added(one.mapping),
    })
    .collect()
}

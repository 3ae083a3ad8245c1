//! Rules as clients send them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        kept::non_empty,
        refusal::at,
        v5::{
            additional,
            delete::unsupported,
            missing,
            object_tree::{ColumnInput, DbObjectInput},
        },
    },
    control::{
        Refusal, Result,
        objects::{DatabaseChoice, ObjectScope},
        rules::{ChosenColumns, TableRule},
    },
};

use super::refuse_compare;

/// Characters of a filter, DRS's own bound.
pub(super) const FILTER_CHARS_MAX: usize = 512;

/// A rule.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V5DataProcessInfoInput)]
pub(crate) struct RuleInput {
    /// `table`, or `combinations`: of several tables
    pub process_rule_level: Option<String>,
    /// `job`
    pub source: Option<String>,
    /// Whether it is of several tables; the tables of `db_object` count.
    #[expect(dead_code, reason = "for the document: the tables tell it too")]
    pub is_batch_process: Option<bool>,
    /// The tables that it is of.
    pub db_object: Option<DbObjectInput>,
    /// Their row filter: one.
    pub filter_conditions: Option<Vec<ConditionInput>>,
    /// Their columns.
    pub db_object_column_info: Option<ColumnsInput>,
    /// Columns that they have beside those of the source.
    pub add_columns: Option<Vec<AddedInput>>,
    /// Not offered for tables; see `ddl_trans` of the policy.
    #[schema(value_type = Option<Object>)]
    pub ddl_operation: Option<BTreeMap<String, Value>>,
    /// Kinds of change that become messages, of `i`, `u`, `d`: of the whole job here.
    pub dml_operation: Option<String>,
    /// What is put around their names.
    pub db_or_table_rename_rule: Option<RenameInput>,
}

/// A row filter.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V5DataFilteringCondition)]
pub(crate) struct ConditionInput {
    /// Condition as behind WHERE, at most 512 characters; empty: none.
    pub value: Option<String>,
    /// `contentConditionalFilter`
    pub filtering_type: Option<String>,
}

/// Columns of a table.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V5DbObjectColumnInfoInput)]
pub(crate) struct ColumnsInput {
    /// Database.
    pub db_name: Option<String>,
    /// Of Oracle the schema.
    pub schema_name: Option<String>,
    /// Table.
    pub table_name: Option<String>,
    /// Its columns; one that is not named is delivered as it is.
    #[serde(default)]
    pub column_infos: Vec<ColumnRule>,
}

/// A column.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V5QueryColumnInfoInput)]
pub(crate) struct ColumnRule {
    /// Name at the source.
    pub column_name: Option<String>,
    /// Name in messages.
    pub column_mapped_name: Option<String>,
    /// It is filtered out.
    pub is_filtered: Option<bool>,
    /// It decides the partition.
    pub is_partition_key: Option<bool>,
}

/// A column that the source does not have.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V5AddColumnInfoInput)]
pub(crate) struct AddedInput {
    /// `default_value`, `create_time`, `update_time`, `expression`, `server_database_table`
    pub column_type: Option<String>,
    /// Name.
    pub column_name: Option<String>,
    /// Value, of some types.
    pub column_value: Option<String>,
    /// `int`, `long`, `varchar(256)`, `varchar(191)`, `datetime`, `timestamp`
    pub data_type: Option<String>,
}

/// What is put around names.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V5DbOrTableRenameRule)]
pub(crate) struct RenameInput {
    /// Before.
    pub prefix_name: Option<String>,
    /// Behind.
    pub suffix_name: Option<String>,
    /// `prefixAndSuffix`
    pub r#type: Option<String>,
}

/// The rules of all tables that are named.
///
/// # Errors
/// [`Refusal::Invalid`], [`Refusal::Missing`] and [`Refusal::Unsupported`] with the path of the member.
pub(super) fn rules(given: Vec<RuleInput>) -> Result<Vec<TableRule>> {
    let mut rules = Vec::new();
    for (i, rule) in given.into_iter().enumerate() {
        let path = format!("data_process_info[{i}]");
        rules.extend(rule.into_control().map_err(|r| at(&path, r))?);
    }
    Ok(rules)
}

/// The kinds of change, which all rules that tell some have to tell alike.
///
/// # Errors
/// [`Refusal::Invalid`] if they differ.
pub(super) fn kinds_of_change(given: &[RuleInput]) -> Result<Option<String>> {
    let mut kinds: Option<&String> = None;
    for (i, rule) in given.iter().enumerate() {
        let Some(told) = rule.dml_operation.as_ref().filter(|told| !told.is_empty()) else {
            continue;
        };
        if kinds.is_some_and(|kinds| kinds != told) {
            let allowed = "the same in all rules: it is of the whole job";
            return Err(Refusal::invalid(
                format!("data_process_info[{i}].dml_operation"),
                told,
                allowed,
            ));
        }
        kinds = Some(told);
    }
    Ok(kinds.cloned())
}

impl RuleInput {
    fn into_control(self) -> Result<Vec<TableRule>> {
        refuse_compare("source", self.source.as_deref())?;
        match self.process_rule_level.as_deref() {
            None | Some("" | "table" | "combinations") => {}
            Some(other) => {
                return Err(Refusal::invalid("process_rule_level", other, "table, combinations"));
            }
        }
        if self.ddl_operation.is_some_and(|given| !given.is_empty()) {
            return Err(unsupported("ddl_operation of tables", "ddl_trans of the policy"));
        }
        let filter = self.filter_conditions.map(filter).transpose()?;
        let added = self.add_columns.map(added).transpose()?;
        let rename = self.db_or_table_rename_rule.map(RenameInput::checked).transpose()?;
        let column_info = self.db_object_column_info;
        let mut tables = Vec::new();
        if let Some(objects) = self.db_object {
            tables = named(objects).map_err(|r| at("db_object", r))?;
        } else if let Some(info) = &column_info {
            tables.push(info.table()?);
        }
        if tables.is_empty() {
            return Err(missing("db_object"));
        }
        let columns = column_info
            .map(|info| chosen("db_object_column_info.column_infos", info.column_infos))
            .transpose()?;
        let rule = |(database, table): (String, String)| {
            let target = rename.as_ref().map(|(before, behind)| format!("{before}{table}{behind}"));
            let (columns, partition_columns) = columns.clone().unzip();
            let (filter, added) = (filter.clone(), added.clone());
            TableRule { database, table, filter, columns, partition_columns, added, target }
        };
        Ok(tables.into_iter().map(rule).collect())
    }
}

/// The tables that a tree of objects names; what the tree says of them beside is not looked at.
fn named(objects: DbObjectInput) -> Result<Vec<(String, String)>> {
    let selection = objects.into_control()?;
    if selection.scope != ObjectScope::Table {
        return Err(Refusal::invalid("object_scope", selection.scope.name(), "table"));
    }
    let of = |database: DatabaseChoice| match database.tables {
        Some(tables) => Ok(tables.into_iter().map(move |table| (database.name.clone(), table))),
        None => {
            let field = format!("object_info.{}", database.name);
            Err(Refusal::invalid(field, "all of it", "tables by their names"))
        }
    };
    let tables: Result<Vec<_>> = selection.databases.into_iter().map(of).collect();
    Ok(tables?.into_iter().flatten().collect())
}

/// The one filter, or none.
fn filter(conditions: Vec<ConditionInput>) -> Result<Option<String>> {
    let field = "filter_conditions";
    if conditions.len() > 1 {
        return Err(Refusal::invalid(field, conditions.len(), "one condition for a table"));
    }
    let Some(condition) = conditions.into_iter().next() else { return Ok(None) };
    match condition.filtering_type.as_deref() {
        None | Some("" | "contentConditionalFilter") => {}
        Some("configConditionalFilter") => {
            return Err(unsupported("a condition over joined tables", "contentConditionalFilter"));
        }
        Some(other) => {
            let field = format!("{field}[0].filtering_type");
            return Err(Refusal::invalid(field, other, "contentConditionalFilter"));
        }
    }
    short(&format!("{field}[0].value"), condition.value)
}

/// A condition of a length that is allowed; none if it is empty.
pub(crate) fn short(field: &str, condition: Option<String>) -> Result<Option<String>> {
    let condition = non_empty(condition);
    if let Some(text) = condition.as_ref().filter(|text| text.chars().count() > FILTER_CHARS_MAX) {
        let length = format!("{} characters", text.chars().count());
        return Err(Refusal::invalid(field, length, format!("at most {FILTER_CHARS_MAX}")));
    }
    Ok(condition)
}

fn added(
    columns: Vec<AddedInput>,
) -> Result<BTreeMap<String, crate::control::objects::AddedColumn>> {
    let mut inputs = BTreeMap::new();
    for (i, column) in columns.into_iter().enumerate() {
        let field = |name: &str| format!("add_columns[{i}].{name}");
        let name = non_empty(column.column_name).ok_or_else(|| missing(&field("column_name")))?;
        let kind = non_empty(column.column_type).ok_or_else(|| missing(&field("column_type")))?;
        let input = ColumnInput {
            additional: Some(true),
            r#type: column.data_type,
            operation_type: Some(format!("ADDITIONALCOLUMN,{kind}")),
            value: column.column_value,
            ..ColumnInput::default()
        };
        if inputs.insert(name.clone(), input).is_some() {
            return Err(Refusal::invalid(field("column_name"), name, "each name once"));
        }
    }
    additional::split(inputs).map(|(added, _)| added)
}

impl ColumnsInput {
    fn table(&self) -> Result<(String, String)> {
        let field = |name: &str| missing(&format!("db_object_column_info.{name}"));
        let database = non_empty(self.db_name.clone()).or(non_empty(self.schema_name.clone()));
        let database = database.ok_or_else(|| field("db_name"))?;
        let table = non_empty(self.table_name.clone()).ok_or_else(|| field("table_name"))?;
        Ok((database, table))
    }
}

/// What is chosen of columns: those that stay, if any is filtered out, and those with other names; and those that decide the
/// partition.
///
/// # Errors
/// [`Refusal::Missing`] for a column without a name, [`Refusal::Invalid`] if none stays or one is named twice.
pub(super) fn chosen(
    path: &str,
    columns: Vec<ColumnRule>,
) -> Result<(ChosenColumns, Option<Vec<String>>)> {
    let mut chosen = BTreeSet::new();
    let (mut renamed, mut partition, mut drops) = (BTreeMap::new(), Vec::new(), false);
    for (i, column) in columns.into_iter().enumerate() {
        let field = format!("{path}[{i}].column_name");
        let name = non_empty(column.column_name).ok_or_else(|| missing(&field))?;
        if column.is_filtered == Some(true) {
            drops = true;
            continue;
        }
        if column.is_partition_key == Some(true) {
            partition.push(name.clone());
        }
        let mapped = non_empty(column.column_mapped_name).filter(|mapped| *mapped != name);
        if let Some(mapped) = mapped {
            renamed.insert(name.clone(), mapped);
        }
        if !chosen.insert(name.clone()) {
            return Err(Refusal::invalid(field, name, "each column once"));
        }
    }
    if drops && chosen.is_empty() {
        return Err(Refusal::invalid(path, "all are filtered out", "the columns that stay too"));
    }
    let partition = Some(partition).filter(|names| !names.is_empty());
    Ok(((drops.then_some(chosen), renamed), partition))
}

impl RenameInput {
    fn checked(self) -> Result<(String, String)> {
        let field = |name: &str| format!("db_or_table_rename_rule.{name}");
        match self.r#type.as_deref() {
            None | Some("" | "prefixAndSuffix") => {}
            Some(other) => return Err(Refusal::invalid(field("type"), other, "prefixAndSuffix")),
        }
        Ok((self.prefix_name.unwrap_or_default(), self.suffix_name.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(rule: Value) -> Result<Vec<TableRule>> {
        rules(vec![serde_json::from_value(rule).expect("its types")])
    }

    fn of_tables(mut rule: Value) -> Value {
        rule["db_object"] = json!({"object_scope": "table", "object_info": {"shop": {"tables": {
            "orders": {"name": "orders", "type": "table", "all": true},
            "items": {"name": "items", "type": "table", "all": true}}}}});
        rule
    }

    #[test]
    fn a_rule_of_several_tables_is_one_of_each() {
        let found = read(of_tables(json!({"process_rule_level": "combinations",
            "filter_conditions": [{"filtering_type": "contentConditionalFilter", "value": "id > 1"}],
            "add_columns": [{"column_type": "create_time", "column_name": "made", "data_type": "timestamp"}],
            "db_or_table_rename_rule": {"type": "prefixAndSuffix", "prefix_name": "a_", "suffix_name": "_z"}})));
        let found = found.expect("valid");
        let names: Vec<_> = found.iter().map(|rule| rule.target.as_deref()).collect();
        assert_eq!(names, [Some("a_items_z"), Some("a_orders_z")]);
        for rule in &found {
            assert_eq!(rule.filter, Some(Some("id > 1".to_owned())));
            assert!(rule.added.as_ref().is_some_and(|added| added.contains_key("made")));
            assert_eq!(rule.columns, None);
        }
    }

    #[test]
    fn columns_are_those_that_stay() {
        let columns = json!({"db_object_column_info": {"db_name": "shop", "table_name": "orders",
            "column_infos": [{"column_name": "id", "is_partition_key": true},
                {"column_name": "who", "column_mapped_name": "person"},
                {"column_name": "card", "is_filtered": true}]}});
        let found = read(columns).expect("valid");
        let (chosen, renamed) = found[0].columns.clone().expect("columns");
        let chosen: Vec<_> = chosen.into_iter().flatten().collect();
        assert_eq!(chosen, ["id", "who"]);
        assert_eq!(renamed["who"], "person");
        assert_eq!(found[0].partition_columns, Some(Some(vec!["id".to_owned()])));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        let long = "x".repeat(FILTER_CHARS_MAX + 1);
        let condition = |value: &str, kind: &str| json!({"filter_conditions": [{"value": value, "filtering_type": kind}]});
        for (rule, said) in [
            (json!({}), "data_process_info[0].db_object"),
            (of_tables(json!({"source": "compare"})), "source compare"),
            (of_tables(json!({"source": "x"})), "data_process_info[0].source"),
            (of_tables(json!({"process_rule_level": "x"})), "process_rule_level"),
            (of_tables(json!({"ddl_operation": {"table": "CREATE TABLE"}})), "ddl_operation"),
            (of_tables(condition(&long, "contentConditionalFilter")), "filter_conditions[0].value"),
            (of_tables(condition("config", "configConditionalFilter")), "joined tables"),
            (of_tables(condition("x", "y")), "filter_conditions[0].filtering_type"),
            (of_tables(json!({"add_columns": [{}]})), "add_columns[0].column_name"),
            (of_tables(json!({"db_or_table_rename_rule": {"type": "x"}})), "rename_rule.type"),
            (
                json!({"db_object": {"object_scope": "database", "object_info": {"d": {}}}}),
                "object_scope",
            ),
        ] {
            let refusal = read(rule.clone()).expect_err(said).to_string();
            assert!(refusal.contains(said), "{rule}: {refusal}");
        }
        let kinds = |a: &str, b: &str| {
            let rule = |kinds: &str| RuleInput {
                dml_operation: Some(kinds.into()),
                ..RuleInput::default()
            };
            kinds_of_change(&[rule(a), rule(b)])
        };
        assert_eq!(kinds("i,u", ""), Ok(Some("i,u".to_owned())));
        assert!(kinds("i,u", "d").is_err());
    }
}

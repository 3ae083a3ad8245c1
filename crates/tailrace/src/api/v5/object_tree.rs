//! Selected and collected objects in v5's form: maps by name.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{kept::non_empty, refusal::at},
    control::{
        Refusal, Result,
        objects::{
            DatabaseChoice, DatabaseMapping, FoundDatabase, Mappings, ObjectScope, ObjectSelection,
            TableMapping, filter_fault,
        },
        query::QueryStatus,
    },
};

use super::{additional, delete::unsupported, missing};

/// Tables DRS lets a selection name at once.
const TABLES_MAX: u64 = 10_000;

/// A selection, as a client sends it.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V5DbObjectInput)]
pub(crate) struct DbObjectInput {
    /// `all`, `database` or `table`
    pub object_scope: Option<String>,
    /// Databases by their name at the source; absent for `all`.
    #[serde(default)]
    pub object_info: BTreeMap<String, DatabaseInput>,
    /// The target's database, of links whose target has several with schemas in them.
    pub target_root_db: Option<TargetDatabase>,
}

/// The target's database.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[schema(as = V5TargetRootDb)]
pub(crate) struct TargetDatabase {
    /// Its name; it has to exist.
    pub db_name: Option<String>,
    /// Its encoding; kept to `utf8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_encoding: Option<String>,
}

/// A database, as a client sends it.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V5DatabaseObjectInput)]
pub(crate) struct DatabaseInput {
    /// Name in messages.
    pub name: Option<String>,
    /// The whole database, tables created later too.
    pub all: Option<bool>,
    /// Tables by name.
    #[serde(default)]
    pub tables: BTreeMap<String, TableInput>,
    /// Of links with schemas; not offered.
    #[schema(value_type = Option<Object>)]
    pub schemas: Option<Value>,
}

/// A table, as a client sends it.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V5TableObjectInput)]
pub(crate) struct TableInput {
    /// Name in messages.
    pub name: Option<String>,
    /// `table`
    pub r#type: Option<String>,
    /// Whether messages have all columns, those added later too; by default if no column has `filtered`.
    pub all: Option<bool>,
    /// Whether the table has a row filter; by default if there is one.
    pub filtered: Option<bool>,
    /// The row filter: one condition as behind WHERE, of at most 512 characters.
    #[serde(default)]
    pub filter_conditions: Vec<String>,
    /// Conditions over joined tables; not offered.
    #[serde(default)]
    pub config_conditions: Vec<String>,
    /// Name of the database in messages, where it is not that of the others.
    pub db_alias_name: Option<String>,
    /// Columns by their name at the source.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnInput>,
    /// Tailrace's own: the columns that decide the partition and are the message's key, instead of the primary key's; needs
    /// partition_policy 2.
    #[serde(default)]
    pub partition_columns: Vec<String>,
}

/// A column, as a client sends it.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V5ColumnObjectInput)]
pub(crate) struct ColumnInput {
    /// Name in messages.
    pub name: Option<String>,
    /// Messages have the column (DRS's meaning of the word), where `all` is not true.
    pub filtered: Option<bool>,
    /// A column that the source does not have; its name is the key's.
    pub additional: Option<bool>,
    /// Of an additional column: its type, one of int, long, varchar(256), varchar(191), datetime, timestamp.
    pub r#type: Option<String>,
    /// Of an additional column: `ADDITIONALCOLUMN,` and one of default_value, create_time, update_time, expression,
    /// server_database_table.
    pub operation_type: Option<String>,
    /// Of an additional column: its default value, or the server's name.
    pub value: Option<String>,
}

impl DbObjectInput {
    /// The selection in control's form.
    ///
    /// # Errors
    /// [`Refusal::Unsupported`] for conditions over joined tables and views: they would silently change what is
    /// delivered. [`Refusal::Invalid`] for what contradicts itself.
    pub(crate) fn into_control(self) -> Result<ObjectSelection> {
        let name = non_empty(self.object_scope).ok_or_else(|| missing("object_scope"))?;
        let scope = [ObjectScope::All, ObjectScope::Database, ObjectScope::Table]
            .into_iter()
            .find(|scope| scope.name() == name)
            .ok_or_else(|| Refusal::invalid("object_scope", name, "all, database, table"))?;
        let target_database = self.target_root_db.map(target_database).transpose()?.flatten();
        let (mut databases, mut mappings) = (Vec::new(), Mappings::default());
        for (name, database) in self.object_info {
            let path = format!("object_info.{name}");
            let (choice, mapping) =
                database.into_control(name.clone(), scope).map_err(|r| at(&path, r))?;
            databases.push(choice);
            if mapping != DatabaseMapping::default() {
                mappings.databases.insert(name, mapping);
            }
        }
        Ok(ObjectSelection { scope, databases, mappings, target_database })
    }
}

/// The name of the target's database; none if it is empty.
fn target_database(given: TargetDatabase) -> Result<Option<String>> {
    if let Some(encoding) = non_empty(given.db_encoding)
        && !matches!(encoding.to_ascii_lowercase().as_str(), "utf8" | "utf-8")
    {
        return Err(Refusal::invalid("target_root_db.db_encoding", encoding, "utf8"));
    }
    Ok(non_empty(given.db_name))
}

impl DatabaseInput {
    fn into_control(
        self,
        name: String,
        scope: ObjectScope,
    ) -> Result<(DatabaseChoice, DatabaseMapping)> {
        let target = other_name(self.name, &name);
        let mut mapping = DatabaseMapping { target, tables: BTreeMap::new() };
        if self.schemas.is_some_and(|s| s.as_object().is_none_or(|s| !s.is_empty())) {
            return Err(unsupported("schemas", "tables: the source has no schemas"));
        }
        let whole = match (self.all, self.tables.is_empty()) {
            (Some(true), true) => true,
            (None, true) => scope == ObjectScope::Database,
            (Some(false), true) => false,
            (Some(true), false) => {
                let n = self.tables.len();
                return Err(Refusal::invalid(
                    "tables",
                    format!("{n} tables"),
                    "none, as all is true",
                ));
            }
            (_, false) if scope == ObjectScope::Database => {
                let n = self.tables.len();
                let allowed = "none, as object_scope is database";
                return Err(Refusal::invalid("tables", format!("{n} tables"), allowed));
            }
            (_, false) => false,
        };
        if whole {
            return Ok((DatabaseChoice { name, tables: None }, mapping));
        }
        let tables = self
            .tables
            .into_iter()
            .map(|(table, input)| {
                let database = mapping.target.as_deref().unwrap_or(&name);
                let of_table = input
                    .into_control(&table, database)
                    .map_err(|r| at(&format!("tables.{table}"), r))?;
                if of_table != TableMapping::default() {
                    mapping.tables.insert(table.clone(), of_table);
                }
                Ok(table)
            })
            .collect::<Result<_>>()?;
        Ok((DatabaseChoice { name, tables: Some(tables) }, mapping))
    }
}

impl TableInput {
    fn into_control(self, table: &str, database: &str) -> Result<TableMapping> {
        match non_empty(self.r#type).as_deref() {
            None | Some("table") => {}
            Some(kind @ ("view" | "procedure")) => {
                return Err(unsupported(format!("type {kind}"), "type table"));
            }
            Some(other) => return Err(Refusal::invalid("type", other, "table")),
        }
        if !self.config_conditions.is_empty() {
            return Err(unsupported("a condition over joined tables", "filter_conditions"));
        }
        let filter = filter(self.filtered, self.filter_conditions)?;
        let (added, own) = additional::split(self.columns)?;
        let (columns, renamed) = columns(self.all, own)?;
        Ok(TableMapping {
            database: other_name(self.db_alias_name, database),
            target: other_name(self.name, table),
            columns,
            renamed,
            added,
            filter,
            partition_columns: Some(self.partition_columns).filter(|names| !names.is_empty()),
        })
    }
}

/// The condition of a table's rows.
fn filter(filtered: Option<bool>, conditions: Vec<String>) -> Result<Option<String>> {
    let field = "filter_conditions";
    let mut conditions = conditions.into_iter();
    match (filtered, conditions.next(), conditions.next()) {
        (Some(true), None, _) => {
            Err(Refusal::invalid(field, "none", "a condition, as filtered is true"))
        }
        (Some(false), Some(given), _) => {
            Err(Refusal::invalid(field, given, "none, as filtered is false"))
        }
        (_, _, Some(second)) => Err(Refusal::invalid(field, second, "one condition for a table")),
        (_, None, None) => Ok(None),
        (_, Some(given), None) => match filter_fault(&given) {
            None => Ok(Some(given)),
            Some(fault) => Err(Refusal::invalid(field, given, fault)),
        },
    }
}

/// The columns that messages have, if not all, and those with another name.
type Columns = (Option<BTreeSet<String>>, BTreeMap<String, String>);

fn columns(all: Option<bool>, given: BTreeMap<String, ColumnInput>) -> Result<Columns> {
    let mut chosen = BTreeSet::new();
    let mut renamed = BTreeMap::new();
    for (name, column) in given {
        if column.filtered == Some(true) {
            chosen.insert(name.clone());
        }
        if let Some(target) = other_name(column.name, &name) {
            renamed.insert(name, target);
        }
    }
    let chosen = match (all, chosen.is_empty()) {
        (Some(true), _) | (None, true) => None,
        (Some(false), true) => {
            let allowed = "true, or columns with filtered true";
            return Err(Refusal::invalid("all", "false", allowed));
        }
        (Some(false) | None, false) => Some(chosen),
    };
    Ok((chosen, renamed))
}

/// A name that differs from the object's own.
fn other_name(given: Option<String>, own: &str) -> Option<String> {
    non_empty(given).filter(|given| given != own)
}

/// Objects, as they are answered.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V5DbObjects)]
pub(crate) struct DbObjectsView {
    /// Query, if they were collected by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `pending`, `success` or `failed`
    pub status: &'static str,
    /// Level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_scope: Option<&'static str>,
    /// Databases by name.
    pub object_info: BTreeMap<String, DatabaseView>,
    /// The target's database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_root_db: Option<TargetDatabase>,
    /// Tables a selection may name.
    pub max_table_num: u64,
    /// Why the collection failed: Tailrace's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// A database, as it is answered.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = V5DatabaseObject)]
pub(crate) struct DatabaseView {
    /// Name.
    pub name: String,
    /// The whole database.
    pub all: bool,
    /// Tables by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TableView>,
    /// Number of tables, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_table_num: Option<usize>,
}

/// A table, as it is answered.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = V5TableObject)]
pub(crate) struct TableView {
    /// Name.
    pub name: String,
    /// `table`
    pub r#type: &'static str,
    /// Messages have all columns.
    pub all: bool,
    /// Name of the database in messages, where it is not that of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_alias_name: Option<String>,
    /// The table has a row filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtered: Option<bool>,
    /// The row filter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filter_conditions: Vec<String>,
    /// Tailrace's own: the columns that decide the partition instead of the primary key's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_columns: Vec<String>,
    /// Columns that were chosen, renamed or added, by their name at the source.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnView>,
}

/// A column, as it is answered.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = V5ColumnObject)]
pub(crate) struct ColumnView {
    /// Name in messages.
    pub name: String,
    /// Messages have the column; absent where they have all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtered: Option<bool>,
    /// The source does not have the column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional: Option<bool>,
    /// Type of an additional column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<&'static str>,
    /// What an additional column says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_type: Option<String>,
    /// Default value or name of the server of an additional column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl TableView {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            r#type: "table",
            all: true,
            db_alias_name: None,
            filtered: None,
            filter_conditions: Vec::new(),
            partition_columns: Vec::new(),
            columns: BTreeMap::new(),
        }
    }

    fn mapped(name: &str, mapping: Option<&TableMapping>) -> Self {
        let Some(mapping) = mapping else { return Self::named(name) };
        let chosen = mapping.columns.iter().flatten();
        let columns = chosen.chain(mapping.renamed.keys()).map(|column| {
            let name = mapping.renamed.get(column).unwrap_or(column).clone();
            let filtered = mapping.columns.as_ref().map(|chosen| chosen.contains(column));
            (column.clone(), ColumnView { name, filtered, ..ColumnView::default() })
        });
        let columns = columns.chain(mapping.added.iter().map(additional::view));
        Self {
            all: mapping.columns.is_none(),
            db_alias_name: mapping.database.clone(),
            filtered: mapping.filter.as_ref().map(|_| true),
            filter_conditions: mapping.filter.iter().cloned().collect(),
            partition_columns: mapping.partition_columns.clone().unwrap_or_default(),
            columns: columns.collect(),
            ..Self::named(mapping.target.as_deref().unwrap_or(name))
        }
    }
}

impl DbObjectsView {
    /// Work that is not finished.
    pub(crate) fn of_status(id: Option<String>, status: QueryStatus) -> Self {
        Self { id, status: status.name(), max_table_num: TABLES_MAX, ..Self::default() }
    }

    /// A selection.
    pub(crate) fn of_selection(selection: Option<&ObjectSelection>) -> Self {
        let Some(selection) = selection else {
            return Self::of_status(None, QueryStatus::Success);
        };
        let info = selection.databases.iter().map(|database| {
            let tables = database.tables.iter().flatten();
            let mapping = selection.mappings.databases.get(&database.name);
            let of_table = |table: &str| mapping.and_then(|mapping| mapping.tables.get(table));
            let view = DatabaseView {
                name: selection.mappings.names(&database.name, "").0.to_owned(),
                all: database.tables.is_none(),
                tables: tables.map(|t| (t.clone(), TableView::mapped(t, of_table(t)))).collect(),
                total_table_num: database.tables.as_ref().map(Vec::len),
            };
            (database.name.clone(), view)
        });
        Self {
            object_scope: Some(selection.scope.name()),
            object_info: info.collect(),
            target_root_db: selection
                .target_database
                .clone()
                .map(|name| TargetDatabase { db_name: Some(name), db_encoding: None }),
            ..Self::of_status(None, QueryStatus::Success)
        }
    }

    /// What was found at the source.
    pub(crate) fn of_found(
        id: Option<String>,
        status: QueryStatus,
        databases: &[FoundDatabase],
        error_msg: Option<String>,
    ) -> Self {
        let info = databases.iter().map(|database| {
            let tables = database.tables.iter();
            let view = DatabaseView {
                name: database.name.clone(),
                all: false,
                tables: tables.map(|t| (t.name.clone(), TableView::named(&t.name))).collect(),
                total_table_num: Some(database.tables.len()),
            };
            (database.name.clone(), view)
        });
        Self {
            object_scope: Some(ObjectScope::Table.name()),
            object_info: info.collect(),
            error_msg,
            ..Self::of_status(id, status)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::json;

    fn read(value: Value) -> Result<ObjectSelection> {
        json::read::<DbObjectInput>(value.to_string().as_bytes())
            .expect("it is read")
            .into_control()
    }

    #[test]
    fn terraforms_forms_are_taken_and_come_back() {
        let tables = json!({"object_scope": "table", "object_info": {"shop": {
            "name": "shop", "tables": {"orders": {"name": "orders", "all": true, "type": "table"}}
        }}});
        let selection = read(tables).expect("valid");
        assert_eq!(selection.databases[0].tables.as_deref(), Some(&["orders".to_owned()][..]));
        let view = serde_json::to_value(DbObjectsView::of_selection(Some(&selection)));
        assert_eq!(
            view.expect("JSON"),
            json!({"status": "success", "object_scope": "table", "max_table_num": TABLES_MAX,
                "object_info": {"shop": {"name": "shop", "all": false, "total_table_num": 1,
                    "tables": {"orders": {"name": "orders", "type": "table", "all": true}}}}})
        );
        let whole = json!({"object_scope": "database", "object_info": {"shop": {"all": true}}});
        assert_eq!(read(whole).expect("valid").databases[0].tables, None);
        let all = read(json!({"object_scope": "all"})).expect("valid");
        assert_eq!((all.scope, all.databases.len()), (ObjectScope::All, 0));
    }

    #[test]
    fn what_would_change_the_rows_is_refused() {
        let table = |extra: Value| {
            read(json!({"object_scope": "table",
                "object_info": {"d": {"tables": {"t": extra}}}}))
        };
        for extra in [json!({"config_conditions": ["x"]}), json!({"type": "view"})] {
            let outcome = table(extra.clone());
            assert!(matches!(outcome, Err(Refusal::Unsupported { .. })), "{extra}: {outcome:?}");
        }
        for (extra, field) in [
            (json!({"all": false}), "object_info.d.tables.t.all"),
            (json!({"type": "index"}), "object_info.d.tables.t.type"),
            (json!({"filtered": true}), "object_info.d.tables.t.filter_conditions"),
            (json!({"filter_conditions": ["id >"]}), "object_info.d.tables.t.filter_conditions"),
            (
                json!({"filter_conditions": ["a = 1", "b = 1"]}),
                "object_info.d.tables.t.filter_conditions",
            ),
        ] {
            match table(extra) {
                Err(Refusal::Invalid { field: named, .. }) => assert_eq!(named, field),
                other => panic!("{field}: {other:?}"),
            }
        }
        assert!(table(json!({"columns": {}, "filter_conditions": []})).is_ok());
    }

    #[test]
    fn other_names_and_chosen_columns_come_back() {
        let sent = json!({"object_scope": "table", "object_info": {"d": {"name": "e", "tables": {
            "t": {"name": "u", "db_alias_name": "f", "all": false, "columns": {
                "id": {"filtered": true}, "total": {"name": "amount", "filtered": true}, "x": {}}},
            "same": {"name": "same", "db_alias_name": "e", "columns": {"id": {"name": "id"}}},
            "more": {"columns": {"a": {"name": "b"}}}}}}});
        let selection = read(sent).expect("valid");
        let mapping = &selection.mappings.databases["d"];
        assert_eq!(mapping.tables.keys().collect::<Vec<_>>(), ["more", "t"]);
        assert_eq!(selection.mappings.names("d", "t"), ("f", "u"));
        assert_eq!(selection.mappings.names("d", "same"), ("e", "same"));
        let view = serde_json::to_value(DbObjectsView::of_selection(Some(&selection)));
        let database = &view.expect("JSON")["object_info"]["d"];
        assert_eq!(database["name"], "e");
        assert_eq!(
            database["tables"],
            json!({
                "t": {"name": "u", "type": "table", "all": false, "db_alias_name": "f", "columns": {
                    "id": {"name": "id", "filtered": true},
                    "total": {"name": "amount", "filtered": true}}},
                "same": {"name": "same", "type": "table", "all": true},
                "more": {"name": "more", "type": "table", "all": true,
                    "columns": {"a": {"name": "b"}}},
            })
        );
    }

    #[test]
    fn contradictions_are_named() {
        for (value, field) in [
            (json!({}), "object_scope"),
            (json!({"object_scope": "x"}), "object_scope"),
            (
                json!({"object_scope": "table",
                       "object_info": {"d": {"all": true, "tables": {"t": {}}}}}),
                "object_info.d.tables",
            ),
            (
                json!({"object_scope": "database", "object_info": {"d": {"tables": {"t": {}}}}}),
                "object_info.d.tables",
            ),
        ] {
            match read(value) {
                Err(Refusal::Invalid { field: f, .. } | Refusal::Missing { field: f }) => {
                    assert_eq!(f, field);
                }
                other => panic!("{field}: {other:?}"),
            }
        }
    }
}

//! How selected objects appear in messages: other names, fewer columns.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
pub use tailrace_codec::filter::Filter;
use tailrace_codec::{Cell, Column, TableSchema};

use crate::error::{Error, ErrorKind, Result};
use crate::job::Selection;

/// Tables of a job that may have a filter (DRS's limit).
pub const FILTERED_TABLES_MAX: usize = 500;

/// What differs from the source. Empty: everything appears as it is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Mappings {
    /// By the database's name at the source.
    pub databases: BTreeMap<String, DatabaseMapping>,
}

/// What differs in one database.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseMapping {
    /// Name in messages.
    pub target: Option<String>,
    /// By the table's name at the source.
    pub tables: BTreeMap<String, TableMapping>,
}

/// What differs in one table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableMapping {
    /// Name of the database in its messages, where it is not that of all others.
    pub database: Option<String>,
    /// Name in messages.
    pub target: Option<String>,
    /// The columns that messages have, by their names at the source; `None`: all, those added later too.
    pub columns: Option<BTreeSet<String>>,
    /// Names of columns in messages by those at the source.
    pub renamed: BTreeMap<String, String>,
    /// The condition of the rows that messages are about, as behind `WHERE`; `None`: all.
    pub filter: Option<String>,
    /// The columns that decide the partition and are the message's key instead of the primary key's, in this order, by their
    /// names at the source; `None`: the primary key's.
    pub partition_columns: Option<Vec<String>>,
}

impl Mappings {
    /// Whether everything appears as it is at the source.
    pub fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    fn table(
        &self,
        database: &str,
        table: &str,
    ) -> Option<(&DatabaseMapping, Option<&TableMapping>)> {
        let database = self.databases.get(database)?;
        Some((database, database.tables.get(table)))
    }

    /// Database and table as messages name them; the table may be empty.
    pub fn names<'n>(&'n self, database: &'n str, table: &'n str) -> (&'n str, &'n str) {
        let Some((mapped, of_table)) = self.table(database, table) else {
            return (database, table);
        };
        let own = of_table.and_then(|t| t.database.as_deref());
        (
            own.or(mapped.target.as_deref()).unwrap_or(database),
            of_table.and_then(|t| t.target.as_deref()).unwrap_or(table),
        )
    }

    /// The condition of a table's rows, if it has one.
    pub(crate) fn filter(&self, database: &str, table: &str) -> Option<&str> {
        self.table(database, table)?.1?.filter.as_deref()
    }

    /// How a table version appears.
    ///
    /// # Errors
    /// `SchemaMismatch` if a column that is chosen or renamed does not exist, a part of the primary key is left out, or
    /// two columns get the same name.
    pub(crate) fn view(&self, schema: &Arc<TableSchema>) -> Result<View> {
        let Some((_, of_table)) = self.table(&schema.database, &schema.table) else {
            return Ok(View::of_all(schema));
        };
        let (database, table) = self.names(&schema.database, &schema.table);
        let mut view = match of_table {
            Some(mapping) => columns_of(schema, mapping)?,
            None => View::of_all(schema),
        };
        if (database, table) != (schema.database.as_str(), schema.table.as_str()) {
            let seen = Arc::make_mut(&mut view.schema);
            (seen.database, seen.table) = (database.to_owned(), table.to_owned());
        }
        Ok(view)
    }

    /// Checks what can be checked without the source.
    ///
    /// # Errors
    /// `Configuration` that names the object.
    pub fn validate(&self, selection: &Selection) -> Result<()> {
        let bad = |text: String| Err(Error::new(ErrorKind::Configuration, text));
        let mut filters = 0;
        for (name, database) in &self.databases {
            let selected = selection.databases.iter().find(|selected| selected.name == *name);
            let Some(selected) = selected else {
                return bad(format!("objects.{name}: it is mapped and not selected"));
            };
            for (table, mapping) in &database.tables {
                let object = format!("objects.{name}.{table}");
                if !selected.tables.iter().flatten().any(|selected| selected == table) {
                    return bad(format!(
                        "{object}: it is mapped and not named among the selected tables"
                    ));
                }
                if mapping.columns.as_ref().is_some_and(BTreeSet::is_empty) {
                    return bad(format!("{object}: no column is chosen"));
                }
                if let Some(Err(e)) = mapping.filter.as_deref().map(Filter::parse) {
                    return bad(format!("{object}: {e}"));
                }
                if mapping.partition_columns.as_ref().is_some_and(Vec::is_empty) {
                    return bad(format!("{object}: partition_columns names no column"));
                }
                filters += usize::from(mapping.filter.is_some());
            }
        }
        if filters > FILTERED_TABLES_MAX {
            return bad(format!(
                "objects: {filters} tables have a filter, {FILTERED_TABLES_MAX} may have one"
            ));
        }
        let mut seen = BTreeMap::new();
        for (database, table) in selection.named() {
            let names = self.names(database, table);
            if names.0.is_empty() || (names.1.is_empty() && !table.is_empty()) {
                return bad(format!("objects.{database}.{table}: a name in messages is empty"));
            }
            if let Some(other) = seen.insert(names, (database, table)) {
                return bad(format!(
                    "objects: {}.{} and {database}.{table} both appear as {}.{}",
                    other.0, other.1, names.0, names.1
                ));
            }
        }
        Ok(())
    }
}

/// The columns of a table version that messages have.
fn columns_of(schema: &Arc<TableSchema>, mapping: &TableMapping) -> Result<View> {
    let wrong = |text: String| {
        Err(Error::new(ErrorKind::SchemaMismatch, format!("{}: {text}", schema.full_name())))
    };
    let exists = |name: &String| schema.columns.iter().any(|column| column.name == *name);
    let partition_columns = mapping.partition_columns.iter().flatten();
    let named = mapping.columns.iter().flatten().chain(mapping.renamed.keys());
    let named = named.chain(partition_columns.clone());
    if let Some(unknown) = named.into_iter().find(|name| !exists(name)) {
        return wrong(format!(
            "the job's objects name the column {unknown}, which the table does not have"
        ));
    }
    let kept =
        |name: &String| mapping.columns.as_ref().is_none_or(|columns| columns.contains(name));
    let (mut columns, mut projection) = (Vec::new(), Vec::new());
    for (ordinal, column) in schema.columns.iter().enumerate() {
        if !kept(&column.name) {
            continue;
        }
        let mut column = column.clone();
        if let Some(name) = mapping.renamed.get(&column.name) {
            column.name.clone_from(name);
        }
        if columns.iter().any(|other: &Column| other.name == column.name) {
            return wrong(format!("two columns would be named {} in messages", column.name));
        }
        columns.push(column);
        projection.push(ordinal);
    }
    let mut primary_key = Vec::with_capacity(schema.primary_key.len());
    for ordinal in &schema.primary_key {
        match projection.iter().position(|kept| kept == ordinal) {
            Some(place) => primary_key.push(place),
            None => {
                let name = schema.columns.get(*ordinal).map_or("", |column| &column.name);
                return wrong(format!(
                    "the job's objects leave out {name}, which is part of the primary key: a message could not say which row it is about"
                ));
            }
        }
    }
    let mut key = Vec::new();
    for name in partition_columns {
        let ordinal = schema.columns.iter().position(|column| column.name == *name);
        match ordinal.and_then(|ordinal| projection.iter().position(|kept| *kept == ordinal)) {
            Some(place) if key.contains(&place) => {
                return wrong(format!(
                    "the job's objects name {name} twice among partition_columns"
                ));
            }
            Some(place) => key.push(place),
            None => {
                return wrong(format!(
                    "the job's objects leave out {name}, which is one of partition_columns"
                ));
            }
        }
    }
    let all = projection.len() == schema.columns.len();
    Ok(View {
        key: mapping.partition_columns.is_some().then_some(key),
        schema: Arc::new(TableSchema {
            database: schema.database.clone(),
            table: schema.table.clone(),
            columns,
            primary_key,
        }),
        source_columns: schema.columns.len(),
        projection: if all { None } else { Some(projection.into()) },
    })
}

/// How a table version appears in messages.
pub(crate) struct View {
    schema: Arc<TableSchema>,
    /// Columns at the source.
    source_columns: usize,
    /// Ordinals at the source of the columns that messages have; `None`: all.
    projection: Option<Box<[usize]>>,
    /// Ordinals in messages of the columns that are their key; `None`: the primary key's.
    key: Option<Vec<usize>>,
}

impl View {
    fn of_all(schema: &Arc<TableSchema>) -> Self {
        let source_columns = schema.columns.len();
        Self { schema: Arc::clone(schema), source_columns, projection: None, key: None }
    }

    /// The same as its messages' keys have it: with the columns that were chosen instead of the primary key's.
    pub(crate) fn keyed(&self) -> Arc<TableSchema> {
        match &self.key {
            None => Arc::clone(&self.schema),
            Some(key) => {
                Arc::new(TableSchema { primary_key: key.clone(), ..(*self.schema).clone() })
            }
        }
    }

    /// Whether the key of messages is not the row's own.
    pub(crate) fn has_chosen_key(&self) -> bool {
        self.key.is_some()
    }

    /// Names and columns as messages have them.
    pub(crate) fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// The cells of a row that messages have.
    ///
    /// # Errors
    /// `Decode` if the row has another number of columns than the table.
    pub(crate) fn row<'r, 'c>(&self, row: &'r [Cell<'c>]) -> Result<Cow<'r, [Cell<'c>]>> {
        let Some(projection) = &self.projection else { return Ok(Cow::Borrowed(row)) };
        if row.len() != self.source_columns {
            let (name, columns) = (self.schema.full_name(), self.source_columns);
            let text = format!("a row of {name} has {} values, the table has {columns}", row.len());
            return Err(Error::new(ErrorKind::Decode, text));
        }
        Ok(projection.iter().filter_map(|ordinal| row.get(*ordinal)).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tailrace_codec::ColumnType;

    use crate::job::SelectedDatabase;

    fn schema() -> Arc<TableSchema> {
        let column = |name: &str| Column {
            name: name.into(),
            kind: ColumnType::Int { unsigned: false },
            type_name: "int".into(),
            collation: 63,
            nullable: true,
        };
        Arc::new(TableSchema {
            database: "shop".into(),
            table: "item".into(),
            columns: ["a", "id", "b"].map(column).into(),
            primary_key: vec![1],
        })
    }

    fn mappings(table: TableMapping, database: Option<&str>) -> Mappings {
        let database = DatabaseMapping {
            target: database.map(str::to_owned),
            tables: BTreeMap::from([("item".to_owned(), table)]),
        };
        Mappings { databases: BTreeMap::from([("shop".to_owned(), database)]) }
    }

    fn names(names: &[&str]) -> Option<BTreeSet<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn without_mappings_everything_is_as_it_is() {
        let (schema, none) = (schema(), Mappings::default());
        let view = none.view(&schema).unwrap();
        assert!(Arc::ptr_eq(view.schema(), &schema));
        let row = [Cell::Int(1), Cell::Int(2), Cell::Int(3)];
        assert!(matches!(view.row(&row).unwrap(), Cow::Borrowed(_)));
        assert_eq!(none.names("shop", "item"), ("shop", "item"));
    }

    #[test]
    fn names_and_columns_change() {
        let table = TableMapping {
            target: Some("goods".into()),
            columns: names(&["id", "b"]),
            renamed: BTreeMap::from([("b".into(), "a".into())]),
            ..Default::default()
        };
        let mappings = mappings(table, Some("store"));
        let view = mappings.view(&schema()).unwrap();
        assert_eq!(view.schema().full_name(), "store.goods");
        let columns: Vec<&str> = view.schema().columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!((columns, &view.schema().primary_key), (vec!["id", "a"], &vec![0]));
        let row = [Cell::Int(1), Cell::Int(2), Cell::Int(3)];
        assert_eq!(&*view.row(&row).unwrap(), &[Cell::Int(2), Cell::Int(3)]);
        assert_eq!(view.row(&row[..2]).unwrap_err().kind(), ErrorKind::Decode);
        assert_eq!(mappings.names("shop", "other"), ("store", "other"));
        assert_eq!(mappings.names("shop", ""), ("store", ""));
        assert_eq!(mappings.names("else", "item"), ("else", "item"));
    }

    #[test]
    fn what_does_not_fit_the_table_is_named() {
        let renamed = |from: &str, to: &str| BTreeMap::from([(from.to_owned(), to.to_owned())]);
        for (table, word) in [
            (TableMapping { columns: names(&["id", "x"]), ..Default::default() }, "column x"),
            (TableMapping { renamed: renamed("y", "z"), ..Default::default() }, "column y"),
            (TableMapping { columns: names(&["a"]), ..Default::default() }, "leave out id"),
            (TableMapping { renamed: renamed("a", "b"), ..Default::default() }, "named b"),
            (chosen(&["a", "x"]), "column x"),
            (chosen(&["a", "a"]), "twice"),
            (TableMapping { columns: names(&["id"]), ..chosen(&["b"]) }, "leave out b"),
        ] {
            let error = mappings(table, None).view(&schema()).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
            assert!(error.message().contains(word), "{}", error.message());
        }
    }

    fn chosen(columns: &[&str]) -> TableMapping {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        TableMapping { partition_columns: Some(columns), ..Default::default() }
    }

    #[test]
    fn chosen_columns_are_the_key_of_messages_and_not_the_rows() {
        let mapping = TableMapping { columns: names(&["id", "b"]), ..chosen(&["b", "id"]) };
        let view = mappings(mapping, None).view(&schema()).unwrap();
        assert!(view.has_chosen_key());
        assert_eq!(
            (&view.schema().primary_key, &view.keyed().primary_key),
            (&vec![0], &vec![1, 0])
        );
        let view = mappings(TableMapping::default(), None).view(&schema()).unwrap();
        assert!(!view.has_chosen_key() && view.keyed().primary_key == [1]);
    }

    fn refusal(mappings: &Mappings, selected: &[(&str, Option<&[&str]>)]) -> Option<String> {
        let selected = selected.iter().map(|(name, tables)| SelectedDatabase {
            name: (*name).to_owned(),
            tables: tables.map(|tables| tables.iter().map(|table| (*table).to_owned()).collect()),
        });
        let outcome = mappings.validate(&Selection { databases: selected.collect() });
        outcome.err().map(|error| error.message().to_owned())
    }

    #[test]
    fn objects_that_would_be_one_are_refused() {
        let both: &[(&str, Option<&[&str]>)] =
            &[("shop", Some(&["item", "goods"])), ("store", None)];
        let goods = || TableMapping { target: Some("goods".into()), ..Default::default() };
        assert_eq!(refusal(&mappings(goods(), Some("s")), &[("shop", Some(&["item"]))]), None);
        for (mappings, selected, word) in [
            (
                {
                    let mut two = mappings(goods(), Some("s"));
                    let shop = two.databases.get_mut("shop").unwrap();
                    shop.tables.insert("goods".into(), TableMapping::default());
                    two
                },
                both,
                "s.goods",
            ),
            (
                {
                    let mut two = mappings(TableMapping::default(), Some("store"));
                    two.databases.insert("store".into(), DatabaseMapping::default());
                    two
                },
                both,
                "shop. and store. both",
            ),
            (
                mappings(TableMapping { target: Some(String::new()), ..Default::default() }, None),
                both,
                "shop.item",
            ),
            (
                mappings(TableMapping { columns: names(&[]), ..Default::default() }, None),
                both,
                "no column",
            ),
            (mappings(chosen(&[]), None), both, "partition_columns names no column"),
            (mappings(goods(), None), &both[1..], "shop: it is mapped and not selected"),
            (mappings(goods(), None), &[("shop", None)], "shop.item: it is mapped and not named"),
        ] {
            let text = refusal(&mappings, selected).unwrap();
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn a_name_that_another_selected_object_has_is_refused() {
        let both: &[(&str, Option<&[&str]>)] =
            &[("shop", Some(&["item", "goods"])), ("store", None)];
        let goods = TableMapping { target: Some("goods".into()), ..Default::default() };
        assert!(refusal(&mappings(goods, None), both).unwrap().contains("shop.goods"));
        assert!(refusal(&mappings(TableMapping::default(), Some("store")), both).is_some());
    }
}

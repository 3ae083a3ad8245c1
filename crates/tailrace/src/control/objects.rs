//! Selected objects.

use serde::{Deserialize, Serialize};
use tailrace_pipeline::mapping::Filter;
pub use tailrace_pipeline::mapping::{
    AddedColumn, AddedKind, DatabaseMapping, Mappings, Operation, TableMapping,
};

use super::refusal::{Refusal, Result};

/// Level at which objects were selected, by DRS `object_scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectScope {
    /// `all`: every database that is not the server's own, as listed when the job starts.
    All,
    /// `database`
    Database,
    /// `table`
    Table,
}

impl ObjectScope {
    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Database => "database",
            Self::Table => "table",
        }
    }
}

/// One selected database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseChoice {
    /// Name at the source.
    pub name: String,
    /// Selected tables; `None` is all, those created later too.
    pub tables: Option<Vec<String>>,
}

/// Selected objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectSelection {
    /// Level.
    pub scope: ObjectScope,
    /// Databases; empty for [`ObjectScope::All`].
    pub databases: Vec<DatabaseChoice>,
    /// How they appear in messages, where that differs.
    #[serde(default, skip_serializing_if = "Mappings::is_empty")]
    pub mappings: Mappings,
    /// Database of a target that has several with schemas in them, `target_root_db`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_database: Option<String>,
}

/// What is wrong with a row filter, the condition behind `WHERE`; `None` if it can be read. Whether it fits its table, the
/// precheck says.
pub fn filter_fault(condition: &str) -> Option<String> {
    Filter::parse(condition).err().map(|error| error.to_string())
}

/// Most databases one selection may name.
pub const SELECTED_DATABASES_MAX: usize = 10_000;
/// Most tables one selection may name.
pub const SELECTED_TABLES_MAX: usize = 100_000;

impl ObjectSelection {
    /// Checks what can be checked without the source.
    ///
    /// # Errors
    /// [`Refusal::Missing`] if nothing is selected, [`Refusal::Invalid`] for an empty or repeated
    /// name, a system database, or too many names.
    pub fn validate(&self) -> Result<()> {
        if self.scope == ObjectScope::All {
            if !self.databases.is_empty() {
                return Err(Refusal::invalid(
                    "object_info",
                    format!("{} databases", self.databases.len()),
                    "nothing, when object_scope is all",
                ));
            }
            return Ok(());
        }
        if self.databases.is_empty() {
            return Err(Refusal::Missing { field: "object_info".to_owned() });
        }
        if self.databases.len() > SELECTED_DATABASES_MAX {
            return Err(Refusal::invalid(
                "object_info",
                format!("{} databases", self.databases.len()),
                format!("at most {SELECTED_DATABASES_MAX}"),
            ));
        }
        let tables: usize =
            self.databases.iter().map(|d| d.tables.as_ref().map_or(0, Vec::len)).sum();
        if tables > SELECTED_TABLES_MAX {
            return Err(Refusal::invalid(
                "object_info",
                format!("{tables} tables"),
                format!("at most {SELECTED_TABLES_MAX}"),
            ));
        }
        let mut seen = std::collections::HashSet::new();
        for database in &self.databases {
            if !seen.insert(database.name.as_str()) {
                return Err(Refusal::invalid("object_info", &database.name, "each name once"));
            }
            validate_database(database)?;
        }
        let Some(selection) = super::spec::named_selection(self) else { return Ok(()) };
        self.mappings.validate(&selection).map_err(|e| {
            Refusal::invalid("object_info", e.message(), "each object once, with a name of its own")
        })
    }
}

fn validate_database(database: &DatabaseChoice) -> Result<()> {
    let field = "object_info";
    if database.name.is_empty() {
        return Err(Refusal::invalid(field, "", "a database name"));
    }
    if is_system_database(&database.name) {
        return Err(Refusal::invalid(
            field,
            &database.name,
            "a database that is not the server's own",
        ));
    }
    let Some(tables) = &database.tables else { return Ok(()) };
    if tables.is_empty() {
        return Err(Refusal::invalid(field, &database.name, "at least one table, or all of them"));
    }
    let mut seen = std::collections::HashSet::new();
    for table in tables {
        if table.is_empty() {
            return Err(Refusal::invalid(format!("{field}.{}", database.name), "", "a table name"));
        }
        if !seen.insert(table.as_str()) {
            return Err(Refusal::invalid(
                format!("{field}.{}", database.name),
                table,
                "each name once",
            ));
        }
    }
    Ok(())
}

/// Databases of the MySQL server itself; their rows are never synchronized.
pub fn is_system_database(name: &str) -> bool {
    const SYSTEM: [&str; 5] =
        ["mysql", "information_schema", "performance_schema", "sys", "__recyclebin__"];
    SYSTEM.iter().any(|system| name.eq_ignore_ascii_case(system))
}

/// One table found at the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundTable {
    /// Name.
    pub name: String,
    /// Rows, estimated by the server.
    pub rows_estimated: u64,
    /// Whether it has a primary key.
    pub has_primary_key: bool,
}

/// One database found at the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundDatabase {
    /// Name.
    pub name: String,
    /// Its tables.
    pub tables: Vec<FoundTable>,
}

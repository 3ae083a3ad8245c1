//! What DDL in the log makes of the tables that are known.
//!
//! What is not understood for certain is forgotten: the next row of the table makes its columns be
//! read from the catalog.

use std::sync::Arc;

use tailrace_codec::TableSchema;
use tailrace_codec::ddl::{
    AlterOp, AlterTable, CreateTable, PartitionOp, Statement, TableName, apply,
};
use tailrace_codec::schema::CollationId;

use super::{Name, SchemaHistory};

/// What a statement leaves of a table: its columns with whether its key is a PRIMARY KEY, or nothing.
type State = Option<(Arc<TableSchema>, bool)>;

impl SchemaHistory {
    /// Advances the history by a statement, whose text is `sql`; gives the tables whose records changed.
    /// `default` stands for the database's collation: the log tells that of each column again, so it
    /// only has to be one of text. The versions take `id`.
    pub(crate) fn advance(
        &mut self,
        statement: &Statement,
        sql: &str,
        database: &str,
        default: CollationId,
        id: u64,
    ) -> Vec<Name> {
        let changes = match statement {
            Statement::CreateTable(create) => self.create(create, sql, default),
            Statement::AlterTable(alter) => self.alter(alter, default),
            Statement::DropTable { names, .. } => {
                names.iter().map(|name| (key(name), None)).collect()
            }
            Statement::RenameTable { pairs } => self.rename(pairs),
            Statement::CreateIndex { table } | Statement::DropIndex { table } => {
                self.index_changed(&key(table))
            }
            Statement::DropDatabase { name } => self.all_of(name),
            Statement::Unknown(_) => self.all_of(database),
            _ => Vec::new(),
        };
        let mut names = Vec::new();
        for (name, state) in changes {
            // What was never known needs no record that it is not known.
            if state.is_none() && !self.tables.contains_key(&name) {
                continue;
            }
            let primary = state.as_ref().is_some_and(|(_, primary)| *primary);
            self.set(&name, id, state.map(|(schema, _)| schema), primary);
            names.push(name);
        }
        names
    }

    fn state(&self, name: &Name) -> State {
        self.known(name).map(|(schema, primary)| (Arc::clone(schema), primary))
    }

    fn create(&self, create: &CreateTable, sql: &str, default: CollationId) -> Vec<(Name, State)> {
        let name = key(&create.name);
        if create.if_not_exists && self.known(&name).is_some() {
            // The statement is in the log whether it did something or not; what is known was there.
            return Vec::new();
        }
        let state = match &create.like {
            Some(like) => self
                .state(&key(like))
                .map(|(schema, primary)| (Arc::new(renamed(&schema, &create.name)), primary)),
            None => written(create, sql, default),
        };
        vec![(name, state)]
    }

    fn alter(&self, alter: &AlterTable, default: CollationId) -> Vec<(Name, State)> {
        let name = key(&alter.name);
        let after = self.known(&name).and_then(|(schema, primary)| {
            if !keeps_key(alter, primary) {
                return None;
            }
            let new = apply(schema, alter, Some(default)).ok()?;
            let gets_primary =
                alter.ops.iter().any(|op| matches!(op, AlterOp::AddPrimaryKey { .. }));
            Some((Arc::new(new), primary || gets_primary))
        });
        let new_name = alter.ops.iter().rev().find_map(|op| match op {
            AlterOp::RenameTo(to) => Some(key(to)),
            _ => None,
        });
        match new_name {
            Some(new_name) if new_name != name => vec![(name, None), (new_name, after)],
            _ => vec![(name, after)],
        }
    }

    fn rename(&self, pairs: &[(TableName, TableName)]) -> Vec<(Name, State)> {
        let mut changes: Vec<(Name, State)> = Vec::new();
        for (from, to) in pairs {
            let (from, to_key) = (key(from), key(to));
            let so_far = changes.iter().rev().find(|(name, _)| *name == from);
            let state = so_far.map_or_else(|| self.state(&from), |(_, state)| state.clone());
            let state = state.map(|(schema, primary)| (Arc::new(renamed(&schema, to)), primary));
            changes.push((from, None));
            changes.push((to_key, state));
        }
        changes
    }

    /// An index can only change the key where that is none, or one that is no PRIMARY KEY.
    fn index_changed(&self, name: &Name) -> Vec<(Name, State)> {
        match self.known(name) {
            Some((_, false)) => vec![(name.clone(), None)],
            _ => Vec::new(),
        }
    }

    fn all_of(&self, database: &str) -> Vec<(Name, State)> {
        let of_database = self.tables.keys().filter(|(d, _)| d == database);
        of_database.map(|name| (name.clone(), None)).collect()
    }
}

fn key(name: &TableName) -> Name {
    (name.database.clone(), name.table.clone())
}

fn renamed(schema: &TableSchema, to: &TableName) -> TableSchema {
    TableSchema { database: to.database.clone(), table: to.table.clone(), ..schema.clone() }
}

/// A table whose columns are written in its CREATE TABLE.
fn written(create: &CreateTable, sql: &str, default: CollationId) -> State {
    let schema = create.to_schema(Some(default)).ok()?;
    let primary = !schema.primary_key.is_empty();
    // A unique index may become the key where there is no PRIMARY KEY.
    if !primary && sql.to_ascii_uppercase().contains("UNIQUE") {
        return None;
    }
    Some((Arc::new(schema), primary))
}

/// Whether what an ALTER does to the key can be told from it alone.
fn keeps_key(alter: &AlterTable, primary: bool) -> bool {
    alter.ops.iter().all(|op| match op {
        AlterOp::DropPrimaryKey | AlterOp::NotUnderstood(_) => false,
        AlterOp::RenameColumn { .. }
        | AlterOp::RenameTo(_)
        | AlterOp::ConvertCharset(_)
        | AlterOp::DefaultCollation(_)
        | AlterOp::AlterColumnDefault { .. }
        | AlterOp::AddPrimaryKey { .. }
        | AlterOp::AlterIndex
        | AlterOp::Constraint
        | AlterOp::Partition(PartitionOp::Layout | PartitionOp::RowsDropped)
        | AlterOp::TableOption => true,
        AlterOp::Partition(PartitionOp::Exchange { .. }) | AlterOp::Tablespace => true,
        AlterOp::AddColumn { .. }
        | AlterOp::DropColumn { .. }
        | AlterOp::ModifyColumn { .. }
        | AlterOp::ChangeColumn { .. }
        | AlterOp::AddIndex
        | AlterOp::DropIndex { .. } => primary,
    })
}

#[cfg(test)]
mod tests {
    use tailrace_codec::ddl::classify;

    use super::*;

    const UTF8: CollationId = 255;

    fn after(statements: &[&str]) -> SchemaHistory {
        let mut history = SchemaHistory::default();
        for (sql, id) in statements.iter().zip(1..) {
            history.advance(&classify(sql, "shop"), sql, "shop", UTF8, id);
        }
        history
    }

    fn columns(history: &SchemaHistory, table: &str) -> Option<String> {
        let schema = history.schema("shop", table)?;
        let names: Vec<&str> = schema.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!((&*schema.database, &*schema.table), ("shop", table));
        Some(names.join(","))
    }

    const ITEM: &str = "CREATE TABLE item (id INT PRIMARY KEY, name VARCHAR(20))";

    #[test]
    fn statements_advance_what_is_known() {
        let history = after(&[
            ITEM,
            "ALTER TABLE item ADD COLUMN price DECIMAL(8,2) AFTER id, RENAME COLUMN name TO title",
            "CREATE TABLE copy LIKE item",
            "ALTER TABLE copy DROP COLUMN price, RENAME TO moved",
        ]);
        assert_eq!(columns(&history, "item").as_deref(), Some("id,price,title"));
        assert_eq!(columns(&history, "copy"), None);
        assert_eq!(columns(&history, "moved").as_deref(), Some("id,title"));
    }

    #[test]
    fn a_swap_of_names_swaps_columns_in_the_order_of_the_pairs() {
        let history = after(&[
            ITEM,
            "CREATE TABLE other (id INT PRIMARY KEY, x INT)",
            "RENAME TABLE item TO between_, other TO item, between_ TO other",
        ]);
        assert_eq!(columns(&history, "item").as_deref(), Some("id,x"));
        assert_eq!(columns(&history, "other").as_deref(), Some("id,name"));
        assert_eq!(columns(&history, "between_"), None);
    }

    #[test]
    fn what_may_change_the_key_unseen_is_forgotten() {
        for sql in [
            "DROP TABLE item",
            "ALTER TABLE item DROP PRIMARY KEY",
            "ALTER TABLE item FROBNICATE",
            "DROP DATABASE shop",
        ] {
            assert_eq!(columns(&after(&[ITEM, sql]), "item"), None, "{sql}");
        }
        let keyless = "CREATE TABLE item (id INT NOT NULL, name VARCHAR(20))";
        for sql in [
            "ALTER TABLE item ADD UNIQUE (id)",
            "CREATE UNIQUE INDEX i ON item (id)",
            "ALTER TABLE item MODIFY COLUMN id BIGINT NOT NULL",
        ] {
            assert_eq!(columns(&after(&[keyless, sql]), "item"), None, "{sql}");
        }
        for sql in ["CREATE TABLE item (id INT NOT NULL UNIQUE)", "CREATE TABLE item SELECT 1"] {
            assert_eq!(columns(&after(&[sql]), "item"), None, "{sql}");
        }
    }

    #[test]
    fn what_changes_no_column_is_passed_over() {
        for sql in [
            "CREATE TABLE IF NOT EXISTS item (other INT)",
            "CREATE UNIQUE INDEX i ON item (name)",
            "ALTER TABLE item ADD INDEX (name), COMMENT = 'x'",
            "TRUNCATE TABLE item",
            "ALTER TABLE unknown ADD COLUMN x INT",
        ] {
            let history = after(&[ITEM, sql]);
            assert_eq!(columns(&history, "item").as_deref(), Some("id,name"), "{sql}");
            assert!(history.record(&("shop".into(), "unknown".into())).is_none());
        }
    }

    #[test]
    fn a_rewind_takes_statements_back() {
        let mut history = after(&[ITEM, "ALTER TABLE item ADD COLUMN x INT", "DROP TABLE item"]);
        history.rewind(3);
        assert_eq!(columns(&history, "item").as_deref(), Some("id,name,x"));
        history.rewind(2);
        assert_eq!(columns(&history, "item").as_deref(), Some("id,name"));
        history.rewind(1);
        assert!(history.is_empty());
    }
}

//! DRS's ids of objects: `database-*-*-table`.

use crate::control::{Refusal, Result};

/// What is between the names.
const BETWEEN: &str = "-*-*-";

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectId {
    /// Database; of Oracle the schema.
    pub(crate) database: String,
    /// Table.
    pub(crate) table: String,
}

impl ObjectId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for what is no table's id.
    pub(crate) fn read(field: &str, text: &str) -> Result<Self> {
        let wrong = || Refusal::invalid(field, text, "database-*-*-table");
        let (database, table) = text.split_once(BETWEEN).ok_or_else(wrong)?;
        if database.is_empty() || table.is_empty() || table.contains(BETWEEN) {
            return Err(wrong());
        }
        Ok(Self { database: database.to_owned(), table: table.to_owned() })
    }

    /// The id as text.
    pub(crate) fn text(database: &str, table: &str) -> String {
        format!("{database}{BETWEEN}{table}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = ObjectId::read("id", "shop-*-*-orders").expect("an id");
        assert_eq!(ObjectId::text(&id.database, &id.table), "shop-*-*-orders");
        for wrong in ["", "shop", "-*-*-orders", "shop-*-*-", "a-*-*-b-*-*-c"] {
            assert!(ObjectId::read("id", wrong).is_err(), "{wrong}");
        }
    }
}

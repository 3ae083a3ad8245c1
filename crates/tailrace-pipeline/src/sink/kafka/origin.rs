//! The table that a message belongs to, for errors.

use serde::Deserialize;

/// The two fields of DRS's JSON forms that name the table; all else is passed over without being
/// kept.
#[derive(Deserialize)]
struct Origin {
    database: String,
    table: String,
}

/// `database.table` of a value in one of DRS's JSON forms; `None` for anything else.
pub(crate) fn table(value: &[u8]) -> Option<String> {
    let origin: Origin = serde_json::from_slice(value).ok()?;
    Some(format!("{}.{}", origin.database, origin.table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drs_value_names_its_table() {
        let value = br#"{"mysqlType":{"id":"int"},"id":1,"database":"shop","table":"item","data":[{"id":"1"}]}"#;
        assert_eq!(table(value).as_deref(), Some("shop.item"));
        assert_eq!(table(b"{\"table\":\"item\"}"), None);
        assert_eq!(table(b"\xff"), None);
    }
}

//! Messages of statements that change structures.

use super::drs_json::{RowMeta, push_meta, push_quoted};

/// When a statement reaches the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DdlPhase {
    /// Structure as the full phase found it: `INIT_DDL`.
    Init,
    /// A statement that was executed at the source while the job ran: `DDL`.
    Stream,
}

/// Appends a DDL message. Fields that describe a row are null; both formats write the same.
///
/// `table` is empty for statements on a database.
pub fn encode_ddl(
    out: &mut Vec<u8>,
    meta: &RowMeta,
    phase: DdlPhase,
    database: &str,
    table: &str,
    sql: &str,
) {
    out.extend_from_slice(b"{\"mysqlType\":null,\"id\":");
    push_meta(out, meta);
    out.extend_from_slice(b",\"database\":");
    push_quoted(out, database);
    out.extend_from_slice(b",\"table\":");
    push_quoted(out, table);
    out.extend_from_slice(match phase {
        DdlPhase::Init => b",\"type\":\"INIT_DDL\",\"isDdl\":true,\"sql\":",
        DdlPhase::Stream => b",\"type\":\"DDL\",\"isDdl\":true,\"sql\":".as_slice(),
    });
    push_quoted(out, sql);
    out.extend_from_slice(b",\"sqlType\":null,\"data\":null,\"old\":null,\"pkNames\":null}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement() {
        let mut out = Vec::new();
        let meta = RowMeta { id: 9, es_ms: 1_700_000_000_000, ts_ms: 1_700_000_000_350 };
        encode_ddl(
            &mut out,
            &meta,
            DdlPhase::Stream,
            "shop",
            "item",
            "ALTER TABLE item\nADD c int",
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"mysqlType\":null,\"id\":9,\"es\":1700000000000,\"ts\":1700000000350,\
             \"database\":\"shop\",\"table\":\"item\",\"type\":\"DDL\",\"isDdl\":true,\
             \"sql\":\"ALTER TABLE item\\nADD c int\",\"sqlType\":null,\"data\":null,\"old\":null,\
             \"pkNames\":null}"
        );
    }

    #[test]
    fn structure_of_the_full_phase() {
        let mut out = Vec::new();
        let meta = RowMeta { id: 1, es_ms: 0, ts_ms: 0 };
        encode_ddl(&mut out, &meta, DdlPhase::Init, "d", "", "CREATE DATABASE `d`");
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["type"], "INIT_DDL");
        assert_eq!(value["table"], "");
    }
}

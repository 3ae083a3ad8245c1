//! Where transactions begin and end, and an event's place in its own: Debezium's `provide.transaction.metadata` (its
//! documentation, MySQL connector, "Transaction metadata"), checked against the connector by `tests/suite/debezium.rs`.

use super::push_quoted_by;
use crate::encode::escape::PLAIN;
use crate::encode::number::{push_int, push_uint};

/// An event's place in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventOrder<'a> {
    /// The transaction.
    pub id: &'a str,
    /// Its number among the transaction's events, from 1.
    pub total_order: u64,
    /// The same among those of its table.
    pub data_collection_order: u64,
}

/// A marker of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionMarker<'a> {
    /// It begins.
    Begin,
    /// It ended: tables, as `database.table`, with the number of their events.
    End(&'a [(&'a str, u64)]),
}

/// Appends the key of a marker.
pub fn encode_transaction_key(out: &mut Vec<u8>, id: &str) {
    out.extend_from_slice(b"{\"id\":");
    push_quoted_by::<PLAIN>(out, id);
    out.push(b'}');
}

/// Appends a marker. `ts_ms` is when the transaction was committed, milliseconds of the Unix epoch.
pub fn encode_transaction_marker(
    out: &mut Vec<u8>,
    id: &str,
    marker: TransactionMarker<'_>,
    ts_ms: i64,
) {
    let status = match marker {
        TransactionMarker::Begin => "BEGIN",
        TransactionMarker::End(_) => "END",
    };
    out.extend_from_slice(b"{\"status\":\"");
    out.extend_from_slice(status.as_bytes());
    out.extend_from_slice(b"\",\"id\":");
    push_quoted_by::<PLAIN>(out, id);
    match marker {
        TransactionMarker::Begin => {
            out.extend_from_slice(b",\"event_count\":null,\"data_collections\":null");
        }
        TransactionMarker::End(tables) => {
            out.extend_from_slice(b",\"event_count\":");
            push_uint(out, tables.iter().map(|(_, count)| count).sum());
            out.extend_from_slice(b",\"data_collections\":[");
            for (place, (name, count)) in tables.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(b"{\"data_collection\":");
                push_quoted_by::<PLAIN>(out, name);
                out.extend_from_slice(b",\"event_count\":");
                push_uint(out, *count);
                out.push(b'}');
            }
            out.push(b']');
        }
    }
    out.extend_from_slice(b",\"ts_ms\":");
    push_int(out, ts_ms);
    out.push(b'}');
}

/// Appends `,"transaction":` and an event's place.
pub(super) fn push_order(out: &mut Vec<u8>, order: Option<&EventOrder<'_>>) {
    let Some(order) = order else {
        out.extend_from_slice(b",\"transaction\":null");
        return;
    };
    out.extend_from_slice(b",\"transaction\":{\"id\":");
    push_quoted_by::<PLAIN>(out, order.id);
    out.extend_from_slice(b",\"total_order\":");
    push_uint(out, order.total_order);
    out.extend_from_slice(b",\"data_collection_order\":");
    push_uint(out, order.data_collection_order);
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_as_documented() {
        let text = |marker| {
            let mut out = Vec::new();
            encode_transaction_marker(&mut out, "a\"b:10", marker, 1_486_500_577_691);
            String::from_utf8(out).expect("UTF-8")
        };
        assert_eq!(
            text(TransactionMarker::Begin),
            r#"{"status":"BEGIN","id":"a\"b:10","event_count":null,"data_collections":null,"ts_ms":1486500577691}"#
        );
        assert_eq!(
            text(TransactionMarker::End(&[("s.a", 1), ("s.b", 2)])),
            r#"{"status":"END","id":"a\"b:10","event_count":3,"data_collections":[{"data_collection":"s.a","event_count":1},{"data_collection":"s.b","event_count":2}],"ts_ms":1486500577691}"#
        );
        let mut key = Vec::new();
        encode_transaction_key(&mut key, "x:1");
        assert_eq!(key, br#"{"id":"x:1"}"#);
    }
}

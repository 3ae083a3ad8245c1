//! Topics of tables whose changes come next.
//!
//! A controller answers for one topic after 25 ms and more, and for a hundred not much later: a log that goes
//! through thousands of tables whose topics are missing must not ask for them one by one. Nor are topics made of
//! tables that do not change. So the first that is missing is made alone, and then those of all tables in the
//! part of the log that lies in memory.

use std::collections::BTreeSet;

use tailrace_codec::binlog::{Event, EventType, LogFormat};

use super::Stream;
use crate::job::Selection;
use crate::source::mysql::topics_ahead::REQUEST_MAX;

impl Stream<'_> {
    /// Makes the topics of selected tables whose changes are among these events, as far as they are missing.
    pub(super) fn make_topics_ahead<'e>(
        &self,
        format: &LogFormat,
        events: impl Iterator<Item = &'e [u8]>,
    ) {
        let router = &self.context.router;
        let tables = tables_of(format, events, &self.context.spec.selection, |database, table| {
            router.has_unknown_topic(database, table)
        });
        if !tables.is_empty() {
            router.prepare(&tables);
        }
    }
}

/// Selected tables, each once, [`REQUEST_MAX`] at most, that these events name and that are `wanted`. What cannot be read ends the
/// search: whoever comes to it says so.
fn tables_of<'e>(
    format: &LogFormat,
    events: impl Iterator<Item = &'e [u8]>,
    selection: &Selection,
    wanted: impl Fn(&str, &str) -> bool,
) -> Vec<(String, String)> {
    let mut format = format.clone();
    let mut found = BTreeSet::new();
    for bytes in events {
        let Ok(raw) = format.frame(bytes) else { break };
        if raw.header.event_type != EventType::TABLE_MAP {
            continue;
        }
        let Ok(Event::TableMap(map)) = format.decode(&raw) else { break };
        if selection.includes(map.database, map.table) && wanted(map.database, map.table) {
            found.insert((map.database.to_owned(), map.table.to_owned()));
        }
        if found.len() == REQUEST_MAX {
            break;
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use tailrace_codec::binlog::Checksum;

    use super::*;
    use crate::job::SelectedDatabase;

    /// An event of a log without checksums.
    fn event(event_type: EventType, body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(19 + body.len()).unwrap();
        let mut bytes = vec![0; 4];
        bytes.push(event_type.0);
        bytes.extend_from_slice(&1_u32.to_le_bytes());
        bytes.extend_from_slice(&size.to_le_bytes());
        bytes.extend_from_slice(&[0; 6]);
        bytes.extend_from_slice(body);
        bytes
    }

    /// A table of one INT.
    fn table_map(database: &str, table: &str) -> Vec<u8> {
        let mut body = vec![7, 0, 0, 0, 0, 0, 1, 0];
        for name in [database, table] {
            body.push(u8::try_from(name.len()).unwrap());
            body.extend_from_slice(name.as_bytes());
            body.push(0);
        }
        body.extend_from_slice(&[1, 3, 0, 0]);
        event(EventType::TABLE_MAP, &body)
    }

    fn tables(events: &[Vec<u8>]) -> Vec<String> {
        let selection = Selection {
            databases: vec![SelectedDatabase { name: "shop".to_owned(), tables: None }],
        };
        let format = LogFormat::new(Checksum::None);
        let events = events.iter().map(Vec::as_slice);
        tables_of(&format, events, &selection, |_, table| table != "known")
            .into_iter()
            .map(|(database, table)| format!("{database}.{table}"))
            .collect()
    }

    #[test]
    fn tables_are_those_that_are_selected_and_wanted_once_each() {
        let found = tables(&[
            table_map("shop", "b"),
            event(EventType::XID, &[0; 8]),
            table_map("shop", "known"),
            table_map("other", "c"),
            table_map("shop", "b"),
            table_map("shop", "a"),
        ]);
        assert_eq!(found, ["shop.a", "shop.b"]);
    }

    #[test]
    fn they_end_where_events_cannot_be_read_and_with_a_request() {
        let mut torn = table_map("shop", "b");
        torn.pop();
        let found = tables(&[table_map("shop", "a"), torn, table_map("shop", "c")]);
        assert_eq!(found, ["shop.a"]);
        let many: Vec<_> = (0..1000).map(|n| table_map("shop", &format!("t{n}"))).collect();
        assert_eq!(tables(&many).len(), REQUEST_MAX);
    }
}

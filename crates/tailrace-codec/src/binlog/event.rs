//! One event of the log, its parts borrowed from the bytes it lies in.

use super::event_type::EventType;
use super::format_description::{FormatDescription, LogFormat};
use super::frame::RawEvent;
use super::gtid_event::GtidEvent;
use super::heartbeat::Heartbeat;
use super::mariadb_gtid::MariaDbGtidEvent;
use super::payload_event::TransactionPayload;
use super::query::QueryEvent;
use super::rows_event::RowsEvent;
use super::table_map::TableMap;
use super::transaction_end::{Incident, Rotate, XaPrepare, parse_xid};
use crate::error::{DecodeError, Result};

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// Who wrote the log and how.
    FormatDescription(FormatDescription<'a>),
    /// The log goes on in another file.
    Rotate(Rotate<'a>),
    /// GTIDs in all earlier files, in the binary form of a GTID set.
    PreviousGtids(&'a [u8]),
    /// A transaction begins.
    Gtid(GtidEvent<'a>),
    /// A transaction of MariaDB begins.
    MariaDbGtid(MariaDbGtidEvent<'a>),
    /// A statement in text form.
    Query(QueryEvent<'a>),
    /// The transaction is committed; the engine's number for it.
    Xid(u64),
    /// An XA transaction is prepared, or committed in one phase.
    XaPrepare(XaPrepare<'a>),
    /// Layout of a table whose rows follow.
    TableMap(TableMap<'a>),
    /// Changed rows.
    Rows(RowsEvent<'a>),
    /// The statement behind the rows that follow (`binlog_rows_query_log_events=ON`, MariaDB's
    /// `binlog_annotate_row_events=ON`), in the session's character set; for people, not for machines.
    RowsQuery(&'a [u8]),
    /// A whole transaction's events, compressed.
    TransactionPayload(TransactionPayload<'a>),
    /// The server is alive.
    Heartbeat(Heartbeat<'a>),
    /// The server was shut down; the next file begins with its restart.
    Stop,
    /// The log does not tell everything that happened.
    Incident(Incident<'a>),
    /// An event that cannot change any row or position and is passed over.
    Ignored(IgnoredEvent),
}

/// Why an event is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgnoredEvent {
    /// INTVAR, RAND or USER_VAR: session state for the QUERY event that follows. That statement, if it
    /// changes rows, is reported as [`Event::Query`] and is for the reader to refuse; the state alone
    /// changes nothing.
    StatementContext(EventType),
    /// TRANSACTION_CONTEXT or VIEW_CHANGE: bookkeeping of Group Replication, no row of any table.
    GroupReplication(EventType),
    /// MariaDB's BINLOG_CHECKPOINT (for its own recovery), GTID_LIST (what earlier files hold) or
    /// START_ENCRYPTION (the sender decrypts): no row of any table.
    MariaDbBookkeeping(EventType),
    /// An event whose writer set `LOG_EVENT_IGNORABLE_F`: it says that a reader which does not know it
    /// loses nothing.
    MarkedIgnorable(EventType),
}

impl LogFormat {
    /// Reads an event. A FORMAT_DESCRIPTION changes how the events after it are read.
    ///
    /// # Errors
    /// If the event is damaged, or of a type that is neither handled nor known to be without effect;
    /// the error names the type.
    pub fn decode<'a>(&mut self, raw: &RawEvent<'a>) -> Result<Event<'a>> {
        use EventType as T;
        let event_type = raw.header.event_type;
        let body = raw.body;
        let post_header = self.post_header_length(event_type);
        Ok(match event_type {
            T::FORMAT_DESCRIPTION => {
                let description = FormatDescription::parse(body)?;
                self.apply(&description);
                Event::FormatDescription(description)
            }
            T::ROTATE => Event::Rotate(Rotate::parse(body, post_header)?),
            T::PREVIOUS_GTIDS => Event::PreviousGtids(body),
            T::GTID | T::ANONYMOUS_GTID => {
                Event::Gtid(GtidEvent::parse_untagged(event_type, body)?)
            }
            T::GTID_TAGGED => Event::Gtid(GtidEvent::parse_tagged(body)?),
            T::QUERY => Event::Query(QueryEvent::parse(body, post_header)?),
            T::XID => Event::Xid(parse_xid(body, post_header)?),
            T::XA_PREPARE => Event::XaPrepare(XaPrepare::parse(body, post_header)?),
            T::MARIADB_GTID => Event::MariaDbGtid(MariaDbGtidEvent::parse(&raw.header, body)?),
            T::TABLE_MAP => {
                let map = TableMap::parse(body, post_header)?;
                Event::TableMap(map.written_by_mariadb(self.is_mariadb()))
            }
            T::WRITE_ROWS_V1
            | T::UPDATE_ROWS_V1
            | T::DELETE_ROWS_V1
            | T::WRITE_ROWS
            | T::UPDATE_ROWS
            | T::DELETE_ROWS
            | T::PARTIAL_UPDATE_ROWS => {
                Event::Rows(RowsEvent::parse(event_type, body, post_header)?)
            }
            // One byte of length that is too short for most statements and is not used.
            T::ROWS_QUERY => Event::RowsQuery(body.get(1..).unwrap_or_default()),
            T::MARIADB_ANNOTATE_ROWS => Event::RowsQuery(body),
            T::TRANSACTION_PAYLOAD => Event::TransactionPayload(TransactionPayload::parse(body)?),
            T::HEARTBEAT => Event::Heartbeat(Heartbeat::parse_v1(&raw.header, body)?),
            T::HEARTBEAT_V2 => Event::Heartbeat(Heartbeat::parse_v2(body)?),
            T::STOP => Event::Stop,
            T::INCIDENT => Event::Incident(Incident::parse(body)?),
            _ => Event::Ignored(pass_over(raw)?),
        })
    }
}

/// Decides about an event type that has no reader.
///
/// LOAD DATA of old servers (`LOAD_EVENT` … `EXECUTE_LOAD_QUERY_EVENT`) carries rows as a file and is
/// refused: passing over it would lose rows.
fn pass_over(raw: &RawEvent<'_>) -> Result<IgnoredEvent> {
    use EventType as T;
    let event_type = raw.header.event_type;
    match event_type {
        T::INTVAR | T::RAND | T::USER_VAR => Ok(IgnoredEvent::StatementContext(event_type)),
        T::TRANSACTION_CONTEXT | T::VIEW_CHANGE => Ok(IgnoredEvent::GroupReplication(event_type)),
        T::MARIADB_BINLOG_CHECKPOINT | T::MARIADB_GTID_LIST | T::MARIADB_START_ENCRYPTION => {
            Ok(IgnoredEvent::MariaDbBookkeeping(event_type))
        }
        _ if raw.header.flags.is_ignorable() => Ok(IgnoredEvent::MarkedIgnorable(event_type)),
        _ => Err(DecodeError::new(
            "event header type",
            4,
            format!("{event_type} is not handled and may not be passed over"),
        )),
    }
}

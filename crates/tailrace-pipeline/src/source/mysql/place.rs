//! A place of the log, file and offset, beside the GTID set that says the same.
//!
//! A server that is asked by GTID reads its log file from the begin, a second for some million
//! transactions, to leave out what the set has. Told the place as well, it begins there and still leaves
//! out what the set has, so the set alone decides what is sent. A place is worth telling only to the server
//! that it is of, and its log may be another one by now (RESET, a restored backup): what comes first shows
//! it. See `docs/adr/0009`.

use tailrace_codec::binlog::EventType;

/// What must be looked at of a packet: its status, and the event's time and type.
pub(super) const PACKET_PREFIX_BYTES: usize = 6;

/// What a packet behind a place says of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing: the server introduces its log.
    None,
    /// A transaction begins, so the place is between two.
    Transaction,
    /// The server does not have the place, or it is none where a transaction begins.
    Wrong(String),
}

/// Reads the first bytes of a packet.
pub(super) fn sign_of(packet: &[u8]) -> Sign {
    match *packet {
        [0, _, _, _, _, event_type, ..] => match EventType(event_type) {
            EventType::ROTATE
            | EventType::FORMAT_DESCRIPTION
            | EventType::PREVIOUS_GTIDS
            | EventType::HEARTBEAT
            | EventType::HEARTBEAT_V2
            | EventType::STOP => Sign::None,
            EventType::GTID | EventType::GTID_TAGGED | EventType::ANONYMOUS_GTID => {
                Sign::Transaction
            }
            other => Sign::Wrong(format!("a {other} comes first there")),
        },
        [0xFF, low, high, ..] => {
            Sign::Wrong(format!("the server refuses it ({})", u16::from_le_bytes([low, high])))
        }
        _ => Sign::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event_type: EventType) -> [u8; 6] {
        [0, 1, 2, 3, 4, event_type.0]
    }

    #[test]
    fn what_comes_first_tells_whether_a_transaction_begins_there() {
        for introduces in
            [EventType::ROTATE, EventType::FORMAT_DESCRIPTION, EventType::HEARTBEAT_V2]
        {
            assert_eq!(sign_of(&event(introduces)), Sign::None);
        }
        for begins in [EventType::GTID, EventType::GTID_TAGGED, EventType::ANONYMOUS_GTID] {
            assert_eq!(sign_of(&event(begins)), Sign::Transaction);
        }
        for within in
            [EventType::QUERY, EventType::TABLE_MAP, EventType::WRITE_ROWS, EventType::XID]
        {
            assert!(matches!(sign_of(&event(within)), Sign::Wrong(_)), "{within:?}");
        }
    }

    #[test]
    fn an_error_is_named_and_an_end_is_left_to_the_reader() {
        let error = [0xFF, 0xD4, 0x04, b'#', b'H', b'Y'];
        assert_eq!(sign_of(&error), Sign::Wrong("the server refuses it (1236)".into()));
        assert_eq!(sign_of(&[0xFE, 0, 0, 0, 0]), Sign::None);
    }
}

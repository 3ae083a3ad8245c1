//! Damaged and forged bytes: never a panic, never more memory than the bounds say, and an error that
//! says what and where.

use proptest::prelude::*;
use tailrace_codec::DecodeError;
use tailrace_codec::binlog::walk::{
    WalkLimits, Walked, walk_event, walk_file, walk_json, walk_json_diff, walk_table_and_rows,
};
use tailrace_codec::binlog::{
    Checksum, Event, EventInflater, EventType, FileFrames, JsonLimits, LogFormat, PayloadLimits,
    RawEvent, RowLimits,
};

use super::expected::fixture;
use super::replay::EVENT_BYTES_MAX;

const FIXTURES: [&str; 8] = [
    "types",
    "json",
    "partial_json",
    "minimal",
    "transactions",
    "compressed",
    "anonymous",
    "mariadb",
];

fn limits() -> WalkLimits {
    let json = JsonLimits { text_bytes_max: 1 << 20, tree_nodes_max: 1 << 16 };
    WalkLimits {
        payload: PayloadLimits { event_bytes_max: EVENT_BYTES_MAX, window_log_max: 23 },
        rows: RowLimits { restored_bytes_max: 1 << 20, json },
    }
}

/// Every event of every fixture without its checksum.
fn events() -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    for name in FIXTURES {
        let file = fixture(name);
        let mut format = LogFormat::new(Checksum::None);
        let mut frames = FileFrames::new(&file, EVENT_BYTES_MAX).unwrap();
        while let Some((_, bytes)) = frames.next_frame().unwrap() {
            let raw = format.frame(bytes).unwrap();
            events.push(bare(&raw, bytes));
            if !EventInflater::unpacks(raw.header.event_type) {
                format.decode(&raw).unwrap();
            }
        }
    }
    events
}

fn bare(raw: &RawEvent<'_>, bytes: &[u8]) -> Vec<u8> {
    let mut event = bytes[..19].to_vec();
    event.extend_from_slice(raw.body);
    fix_size(&mut event);
    event
}

fn fix_size(event: &mut [u8]) {
    let size = u32::try_from(event.len()).unwrap();
    if let Some(field) = event.get_mut(9..13) {
        field.copy_from_slice(&size.to_le_bytes());
    }
}

/// Pairs of a table map with full metadata and a rows event for it, as `walk_table_and_rows` wants.
fn tables_and_rows() -> Vec<Vec<u8>> {
    let mut pairs = Vec::new();
    let mut map: Option<Vec<u8>> = None;
    let mut format = LogFormat::new(Checksum::None);
    for event in events() {
        let raw = format.frame_inner(&event).unwrap();
        let selector = match raw.header.event_type {
            EventType::WRITE_ROWS => 0,
            EventType::UPDATE_ROWS => 1,
            EventType::DELETE_ROWS => 2,
            EventType::PARTIAL_UPDATE_ROWS => 3,
            EventType::TABLE_MAP => {
                let Event::TableMap(table) = format.decode(&raw).unwrap() else { unreachable!() };
                map = table.optional_metadata().unwrap().has_names().then(|| raw.body.to_vec());
                continue;
            }
            _ => continue,
        };
        if let Some(map) = &map {
            let mut pair = u16::try_from(map.len()).unwrap().to_le_bytes().to_vec();
            pair.extend_from_slice(map);
            pair.push(selector);
            pair.extend_from_slice(raw.body);
            pairs.push(pair);
        }
    }
    pairs
}

fn assert_useful(error: &DecodeError, input_len: usize) {
    assert!(!error.what.is_empty() && !error.reason.is_empty(), "{error:?}");
    assert!(error.offset <= input_len.saturating_add(64), "{error} in {input_len} bytes");
}

#[test]
fn fixtures_walk_from_end_to_end() {
    for name in FIXTURES {
        let walked = walk_file(&fixture(name), WalkLimits::default()).unwrap();
        assert!(walked.events > 10 && walked.transactions > 2, "{name} {walked:?}");
        assert_eq!(walked.rows == 0, name == "minimal");
        assert_eq!(walked.rows_events_without_schema > 0, name == "minimal");
    }
}

#[test]
fn every_event_cut_short_at_every_byte_is_an_error_or_less_data() {
    for event in events() {
        if event.len() > 3000 {
            continue;
        }
        for len in 0..event.len() {
            let mut cut = event[..len].to_vec();
            fix_size(&mut cut);
            match walk_event(&cut, limits()) {
                Ok(walked) => assert!(walked.rows == 0),
                Err(error) => assert_useful(&error, len),
            }
        }
    }
}

#[test]
fn rows_cut_short_name_event_row_and_column() {
    let mut seen = 0;
    for pair in tables_and_rows().into_iter().filter(|p| p.len() < 2500) {
        let whole = walk_table_and_rows(&pair, limits()).unwrap();
        for cut in 1..pair.len() {
            let Err(error) = walk_table_and_rows(&pair[..pair.len() - cut], limits()) else {
                // Cut at the end of a row.
                continue;
            };
            assert_useful(&error, pair.len());
            if error.what.contains(" row ") {
                assert!(error.what.contains("ROWS_EVENT of fixture."), "{error}");
                assert!(error.what.contains("image column") || error.what.contains("null bitmap"));
                seen += 1;
            }
        }
        assert!(whole.rows > 0);
    }
    assert!(seen > 1000, "{seen}");
}

#[test]
fn a_flipped_bit_anywhere_breaks_the_checksum() {
    let file = fixture("transactions");
    // The flag that the server changes in place is the one exception.
    let in_use_flag = 4 + 17;
    for at in (4..file.len()).step_by(7) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        let error = walk_file(&damaged, limits()).unwrap_err();
        assert_useful(&error, file.len());
    }
    let mut in_use = file;
    in_use[in_use_flag] ^= 1;
    walk_file(&in_use, limits()).unwrap();
}

#[test]
fn a_file_cut_short_is_an_error_unless_cut_between_events() {
    let file = fixture("types");
    let mut frames = FileFrames::new(&file, EVENT_BYTES_MAX).unwrap();
    let mut borders = vec![4];
    while let Some((at, bytes)) = frames.next_frame().unwrap() {
        borders.push(at + bytes.len());
    }
    for len in (4..file.len()).step_by(3) {
        let result = walk_file(&file[..len], limits());
        assert_eq!(result.is_ok(), borders.contains(&len), "{len} {result:?}");
    }
}

fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
}

fn apply_damage(bytes: &mut [u8], from: usize, damage: &[(prop::sample::Index, u8)]) {
    if bytes.len() > from {
        for (at, xor) in damage {
            let at = from + at.index(bytes.len() - from);
            bytes[at] ^= xor;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn damaged_events(which in any::<prop::sample::Index>(), damage in damage()) {
        thread_local!(static EVENTS: Vec<Vec<u8>> = events());
        let mut event = EVENTS.with(|e| which.get(e).clone());
        apply_damage(&mut event, 0, &damage);
        fix_size(&mut event);
        if let Err(error) = walk_event(&event, limits()) {
            // What is wrong inside a payload is told by its place in the unpacked event.
            let payload = event[4] == EventType::TRANSACTION_PAYLOAD.0;
            assert_useful(&error, if payload { usize::MAX } else { event.len() });
        }
    }

    #[test]
    fn damaged_tables_and_rows(which in any::<prop::sample::Index>(), damage in damage(), cut in any::<prop::sample::Index>()) {
        thread_local!(static PAIRS: Vec<Vec<u8>> = tables_and_rows());
        let mut pair = PAIRS.with(|p| which.get(p).clone());
        apply_damage(&mut pair, 2, &damage);
        if damage.len() % 3 == 0 {
            pair.truncate(cut.index(pair.len()) + 1);
        }
        if let Err(error) = walk_table_and_rows(&pair, limits()) {
            assert_useful(&error, pair.len());
        }
    }

    #[test]
    fn random_bytes_as_an_event(event_type in 0u8..=50, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut event = vec![0; 19];
        event[4] = event_type;
        event.extend_from_slice(&body);
        fix_size(&mut event);
        if let Err(error) = walk_event(&event, limits()) {
            assert_useful(&error, event.len());
        }
    }

    #[test]
    fn random_bytes_as_a_file(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = vec![0xfe, b'b', b'i', b'n'];
        file.extend_from_slice(&bytes);
        match walk_file(&file, limits()) {
            Ok(walked) => prop_assert_eq!(walked, Walked { events: walked.events, ..Walked::default() }),
            Err(error) => assert_useful(&error, file.len()),
        }
    }

    #[test]
    fn random_bytes_as_json(mut document in prop::collection::vec(any::<u8>(), 0..120), kind in 0u8..=15) {
        if let Some(first) = document.first_mut() {
            *first = kind;
        }
        match walk_json(&document, limits().rows.json) {
            Ok(text) => { serde_json::from_slice::<serde_json::Value>(&text).expect("valid JSON"); }
            Err(error) => assert_useful(&error, document.len()),
        }
    }

    #[test]
    fn random_differences(path in "\\$[.\\[\\]\"a-z0-9\\\\*]{0,12}", operation in 0u8..4, value in prop::collection::vec(any::<u8>(), 0..12)) {
        // {"a": [1, 2], "b": "c"}
        let document: &[u8] = &[
            0x00, 2, 0, 36, 0, 18, 0, 1, 0, 19, 0, 1, 0, 0x02, 20, 0, 0x0c, 34, 0, b'a', b'b', 2, 0,
            14, 0, 0x05, 1, 0, 0x05, 2, 0, 0, 0, 0, 0, 1, b'c',
        ];
        let mut input = u16::try_from(document.len()).unwrap().to_le_bytes().to_vec();
        input.extend_from_slice(document);
        input.push(operation);
        input.push(u8::try_from(path.len()).unwrap());
        input.extend_from_slice(path.as_bytes());
        input.push(u8::try_from(value.len()).unwrap());
        input.extend_from_slice(&value);
        if let Err(error) = walk_json_diff(&input, limits().rows.json) {
            assert_useful(&error, input.len());
        }
    }
}

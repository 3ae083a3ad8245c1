//! Bytes made by hand: what the fixtures' server does not write any more, and what must be refused.

use tailrace_codec::binlog::{
    Checksum, Event, EventType, FileFrames, Frame, GtidKind, IgnoredEvent, LogFormat, PlanError,
    RowLimits, RowsEvent, TableMap, TableMapCache, TablePlan, decimal, frame,
};
use tailrace_codec::cell::{CivilDate, CivilDateTime, TimeOfDay};
use tailrace_codec::{Cell, Column, ColumnType, DecodeError, TableSchema};

/// An event of some type around a body, as it is inside a payload (no checksum).
pub(crate) fn event(event_type: EventType, flags: u16, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(19 + body.len()).unwrap();
    let mut event = vec![0x10, 0, 0, 0, event_type.0, 1, 0, 0, 0];
    event.extend_from_slice(&size.to_le_bytes());
    event.extend_from_slice(&1234u32.to_le_bytes());
    event.extend_from_slice(&flags.to_le_bytes());
    event.extend_from_slice(body);
    event
}

fn decode<T>(
    event_type: EventType,
    body: &[u8],
    look: impl FnOnce(Result<Event<'_>, DecodeError>) -> T,
) -> T {
    let bytes = event(event_type, 0, body);
    let mut format = LogFormat::new(Checksum::None);
    let raw = format.frame(&bytes).unwrap();
    look(format.decode(&raw))
}

fn error_of(event_type: EventType, body: &[u8]) -> String {
    decode(event_type, body, |r| r.expect_err("must be refused").to_string())
}

// ---------------------------------------------------------------- framing

#[test]
fn frames_in_a_growing_buffer() {
    let mut stream = event(EventType::XID, 0, &7u64.to_le_bytes());
    let first = stream.len();
    stream.extend(event(EventType::STOP, 0, &[]));
    for len in 0..stream.len() {
        let needed = if len < 19 { 19 } else { first };
        let found = frame::split_frame(&stream[..len], 1000).unwrap();
        if len < first {
            assert_eq!(found, Frame::Incomplete { needed });
        } else {
            assert_eq!(
                found,
                Frame::Complete { event: &stream[..first], rest: &stream[first..len] }
            );
        }
    }
    let error = frame::split_frame(&stream, first - 1).unwrap_err().to_string();
    assert!(error.contains("XID_EVENT (16) is 27 bytes, event_bytes_max is 26"), "{error}");
    stream[9..13].copy_from_slice(&18u32.to_le_bytes());
    let error = frame::split_frame(&stream, 1000).unwrap_err().to_string();
    assert!(error.contains("XID_EVENT (16) says it is 18 bytes"), "{error}");
}

#[test]
fn a_packet_must_be_as_long_as_its_event() {
    let bytes = event(EventType::XID, 0, &7u64.to_le_bytes());
    let format = LogFormat::new(Checksum::None);
    for wrong in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()] {
        let error = format.frame(wrong).unwrap_err().to_string();
        assert!(error.contains("says it is 27 bytes"), "{error}");
    }
}

#[test]
fn checksums_are_verified_and_cut_off() {
    let mut bytes = event(EventType::XID, 0, &[7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let covered = bytes.len() - 4;
    let crc = crc32(&bytes[..covered]);
    bytes[covered..].copy_from_slice(&crc.to_le_bytes());
    let mut format = LogFormat::new(Checksum::Crc32);
    let raw = format.frame(&bytes).unwrap();
    assert_eq!(raw.body.len(), 8);
    assert_eq!(format.decode(&raw).unwrap(), Event::Xid(7));
    bytes[20] ^= 1;
    let error = format.frame(&bytes).unwrap_err();
    assert_eq!(error.what, "XID_EVENT (16) checksum");
    assert_eq!(error.offset, covered);
}

/// The polynomial bit by bit, so that the test does not rest on the same crate.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[test]
fn files_that_are_not_plain_binlogs() {
    let error = |bytes: &[u8]| FileFrames::new(bytes, 100).map(|_| ()).unwrap_err().to_string();
    assert!(error(b"\xfdbin....").contains("binlog_encryption"));
    assert!(error(b"GIF89a").contains("[47, 49, 46, 38]"));
    assert!(error(b"\xfeb").contains("2 more bytes"));
}

// ---------------------------------------------------------------- control events

fn format_description(version: &str, lengths: &[u8], tail: &[u8]) -> Vec<u8> {
    let mut body = vec![4, 0];
    let mut name = version.as_bytes().to_vec();
    name.resize(50, 0);
    body.extend(name);
    body.extend_from_slice(&[1, 2, 3, 4, 19]);
    body.extend_from_slice(lengths);
    body.extend_from_slice(tail);
    body
}

#[test]
fn format_description_of_servers_with_and_without_checksums() {
    // 5.5: no algorithm byte, no checksum behind it.
    let old = format_description("5.5.62-log", &[56, 13, 0, 8], &[]);
    decode(EventType::FORMAT_DESCRIPTION, &old, |event| {
        let Event::FormatDescription(f) = event.unwrap() else { panic!() };
        assert_eq!((f.checksum, f.post_header_lengths), (None, &[56u8, 13, 0, 8][..]));
        assert_eq!((f.created, f.version_numbers()), (0x0403_0201, (5, 5, 62)));
    });
    // 5.7 with checksums off still has room for one; the events after it have none.
    let off = format_description("5.7.44", &[56, 13, 0, 8], &[0, 0, 0, 0, 0]);
    decode(EventType::FORMAT_DESCRIPTION, &off, |event| {
        let Event::FormatDescription(f) = event.unwrap() else { panic!() };
        assert_eq!(f.checksum, Some(Checksum::None));
        assert_eq!(f.post_header_lengths, &[56, 13, 0, 8]);
    });
    let mut format = LogFormat::new(Checksum::Crc32);
    let bytes = event(EventType::FORMAT_DESCRIPTION, 0, &off);
    let raw = format.frame(&bytes).unwrap();
    format.decode(&raw).unwrap();
    assert_eq!(format.checksum(), Checksum::None);
    assert_eq!(format.post_header_length(EventType::ROTATE), 8);
    assert_eq!(format.post_header_length(EventType::TABLE_MAP), 0);
    let refused = |body: &[u8]| {
        let bytes = event(EventType::FORMAT_DESCRIPTION, 0, body);
        let mut format = LogFormat::new(Checksum::None);
        let raw = format.frame(&bytes);
        raw.and_then(|raw| format.decode(&raw).map(|_| ())).unwrap_err().to_string()
    };
    let strange = format_description("8.0.36", &[1], &[9, 0, 0, 0, 0]);
    assert!(
        refused(&strange).contains("checksum algorithm at byte 77: 9"),
        "{}",
        refused(&strange)
    );
    let mut version_3 = off.clone();
    version_3[0] = 3;
    assert!(refused(&version_3).contains("only version 4"));
    let mut wide = off;
    wide[56] = 27;
    assert!(refused(&wide).contains("27 instead of 19"));
    assert!(refused(&[4, 0, 1]).contains("server version"));
}

#[test]
fn rotate() {
    let body = [&4u64.to_le_bytes()[..], b"binlog.000042"].concat();
    decode(EventType::ROTATE, &body, |event| {
        let Event::Rotate(r) = event.unwrap() else { panic!() };
        assert_eq!((r.file, r.position), ("binlog.000042", 4));
    });
    assert!(error_of(EventType::ROTATE, &4u64.to_le_bytes()).contains("name at byte 27: is empty"));
}

#[test]
fn heartbeats_of_both_versions() {
    decode(EventType::HEARTBEAT, b"binlog.000001", |event| {
        let Event::Heartbeat(h) = event.unwrap() else { panic!() };
        assert_eq!((h.file, h.position), ("binlog.000001", 1234));
    });
    // An unknown field, the name, a position of 5 GiB, the end.
    let mut body = vec![9, 2, 0xaa, 0xbb, 1, 3, b'a', b'.', b'1', 2, 9, 254];
    body.extend_from_slice(&(5u64 << 30).to_le_bytes());
    body.push(0);
    decode(EventType::HEARTBEAT_V2, &body, |event| {
        let Event::Heartbeat(h) = event.unwrap() else { panic!() };
        assert_eq!((h.file, h.position), ("a.1", 5 << 30));
    });
    assert!(error_of(EventType::HEARTBEAT_V2, &[1, 1, b'a', 0]).contains("position at byte 23"));
    assert!(error_of(EventType::HEARTBEAT_V2, &[1, 9, b'a', 0]).contains("7 more bytes"));
}

#[test]
fn incident_and_stop() {
    decode(EventType::INCIDENT, b"\x01\x00\x04lost", |event| {
        let Event::Incident(i) = event.unwrap() else { panic!() };
        assert_eq!((i.number, i.message), (1, &b"lost"[..]));
    });
    decode(EventType::STOP, b"", |event| assert_eq!(event.unwrap(), Event::Stop));
}

#[test]
fn gtids_of_older_servers_end_early() {
    let mut body = vec![1];
    body.extend([0x11; 16]);
    body.extend(42i64.to_le_bytes());
    // 5.6
    decode(EventType::GTID, &body, |event| {
        let Event::Gtid(g) = event.unwrap() else { panic!() };
        assert_eq!((g.kind, g.gno, g.sequence_number), (GtidKind::Plain, 42, 0));
        assert!(g.may_have_statements);
    });
    // 5.7
    body.push(2);
    body.extend(5i64.to_le_bytes());
    body.extend(6i64.to_le_bytes());
    decode(EventType::GTID, &body, |event| {
        let Event::Gtid(g) = event.unwrap() else { panic!() };
        assert_eq!((g.last_committed, g.sequence_number, g.transaction_length), (5, 6, 0));
    });
    // 8.0 on a replica: both times, both versions, a length of three bytes.
    let mut replica = body.clone();
    replica.extend(&(9_000_000u64 | 1 << 55).to_le_bytes()[..7]);
    replica.extend(&8_000_000u64.to_le_bytes()[..7]);
    replica.extend([252, 0, 4]);
    replica.extend((80_036u32 | 1 << 31).to_le_bytes());
    replica.extend(50_744u32.to_le_bytes());
    decode(EventType::GTID, &replica, |event| {
        let Event::Gtid(g) = event.unwrap() else { panic!() };
        assert_eq!(g.immediate_commit_timestamp, 9_000_000);
        assert_eq!(g.original_commit_timestamp, 8_000_000);
        assert_eq!(g.transaction_length, 1024);
        assert_eq!((g.immediate_server_version, g.original_server_version), (80_036, 50_744));
    });
    body[17..25].copy_from_slice(&0i64.to_le_bytes());
    assert!(error_of(EventType::GTID, &body).contains("gno at byte 36: 0; 1 to"));
    decode(EventType::ANONYMOUS_GTID, &body, |event| {
        let Event::Gtid(g) = event.unwrap() else { panic!() };
        assert_eq!(g.kind, GtidKind::Anonymous);
    });
}

#[test]
fn tagged_gtids_refuse_what_they_cannot_understand() {
    assert!(
        error_of(EventType::GTID_TAGGED, &[4, 4, 0])
            .contains("serialization version at byte 19: 2")
    );
    assert!(
        error_of(EventType::GTID_TAGGED, &[2, 0x7e, 0]).contains("63, but the body is 3 bytes")
    );
    assert!(error_of(EventType::GTID_TAGGED, &[2, 6, 24]).contains("field 12 must be understood"));
    assert!(
        error_of(EventType::GTID_TAGGED, &[2, 6, 0]).contains("field at byte 22: 0 is missing")
    );
    // gtid_flags twice: ids ascend.
    assert!(error_of(EventType::GTID_TAGGED, &[2, 14, 0, 0, 0, 0, 0]).contains("0 follows 1"));
}

#[test]
fn xa_parts_are_bounded() {
    let mut body = vec![1];
    for field in [7u32, 65, 1] {
        body.extend(field.to_le_bytes());
    }
    body.extend([0; 66]);
    assert!(error_of(EventType::XA_PREPARE, &body).contains("gtrid length at byte 24: 65"));
}

#[test]
fn unknown_types_are_errors_unless_marked_ignorable() {
    for (event_type, name) in [
        (EventType::EXECUTE_LOAD_QUERY, "EXECUTE_LOAD_QUERY_EVENT (18)"),
        (EventType::BEGIN_LOAD_QUERY, "BEGIN_LOAD_QUERY_EVENT (17)"),
        (EventType::PRE_GA_WRITE_ROWS, "PRE_GA_WRITE_ROWS_EVENT (20)"),
        (EventType::IGNORABLE, "IGNORABLE_LOG_EVENT (28)"),
        (EventType(99), "UNKNOWN_EVENT (99)"),
    ] {
        let error = error_of(event_type, b"body");
        assert!(error.contains(name) && error.contains("not handled"), "{error}");
    }
    let mut format = LogFormat::new(Checksum::None);
    for event_type in [EventType::IGNORABLE, EventType(99)] {
        let bytes = event(event_type, 0x80, b"body");
        let raw = format.frame(&bytes).unwrap();
        let want = Event::Ignored(IgnoredEvent::MarkedIgnorable(event_type));
        assert_eq!(format.decode(&raw).unwrap(), want);
    }
}

// ---------------------------------------------------------------- tables and rows

fn column(name: &str, kind: ColumnType) -> Column {
    let type_name = "test".to_owned();
    Column { name: name.to_owned(), kind, type_name, collation: 63, nullable: true }
}

fn schema(kinds: &[ColumnType]) -> TableSchema {
    let columns = kinds.iter().enumerate().map(|(i, k)| column(&format!("c{i}"), k.clone()));
    TableSchema {
        database: "d".to_owned(),
        table: "t".to_owned(),
        columns: columns.collect(),
        primary_key: vec![],
    }
}

fn map_body(codes: &[u8], metadata: &[u8], optional: &[u8]) -> Vec<u8> {
    let mut body = vec![9, 0, 0, 0, 0, 0, 1, 0, 1, b'd', 0, 1, b't', 0];
    body.push(u8::try_from(codes.len()).unwrap());
    body.extend_from_slice(codes);
    body.push(u8::try_from(metadata.len()).unwrap());
    body.extend_from_slice(metadata);
    body.extend(vec![0xff; codes.len().div_ceil(8)]);
    body.extend_from_slice(optional);
    body
}

/// One row of version 1 with every column present and not NULL.
fn v1_rows(columns: usize, values: &[u8]) -> Vec<u8> {
    let mut body = vec![9, 0, 0, 0, 0, 0, 1, 0, u8::try_from(columns).unwrap()];
    body.extend(vec![0xff; columns.div_ceil(8)]);
    // Unused bits of a null bitmap are set, as servers do.
    let mut nulls = vec![0u8; columns.div_ceil(8)];
    if !columns.is_multiple_of(8) {
        *nulls.last_mut().unwrap() = 0xff << (columns % 8);
    }
    body.extend(nulls);
    body.extend_from_slice(values);
    body
}

fn read_row(
    codes: &[u8],
    metadata: &[u8],
    kinds: &[ColumnType],
    values: &[u8],
    look: impl FnOnce(&[Cell<'_>]),
) -> Result<(), DecodeError> {
    let map = map_body(codes, metadata, &[]);
    let plan = TablePlan::with_schema(&TableMap::parse(&map, 8)?, schema(kinds).into()).unwrap();
    let body = v1_rows(kinds.len(), values);
    let event = RowsEvent::parse(EventType::WRITE_ROWS_V1, &body, 8)?;
    let mut scratch = Vec::new();
    let mut rows = event.rows(&plan, &mut scratch, RowLimits::default())?;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    assert!(rows.next_row(&mut before, &mut after)?);
    look(&after);
    assert!(!rows.next_row(&mut before, &mut after)?);
    Ok(())
}

#[test]
fn dates_and_times_of_servers_before_5_6_4() {
    use ColumnType as K;
    let kinds = [K::Time(0), K::Time(0), K::DateTime(0), K::DateTime(0), K::Timestamp(0), K::Date];
    let mut values = Vec::new();
    values.extend(&(-8_385_959i32).to_le_bytes()[..3]);
    values.extend(&123_456i32.to_le_bytes()[..3]);
    values.extend(20_240_229_235_958u64.to_le_bytes());
    values.extend(0u64.to_le_bytes());
    values.extend(4_294_967_295u32.to_le_bytes());
    values.extend(&(2024u32 << 9 | 2 << 5 | 29).to_le_bytes()[..3]);
    let time = |negative, hours, minutes, seconds| {
        Cell::Time(TimeOfDay { negative, hours, minutes, seconds, micros: 0 }, 0)
    };
    let date = CivilDate { year: 2024, month: 2, day: 29 };
    read_row(&[11, 11, 12, 12, 7, 10], &[], &kinds, &values, |cells| {
        assert_eq!(cells[0], time(true, 838, 59, 59));
        assert_eq!(cells[1], time(false, 12, 34, 56));
        let want = CivilDateTime { date, hour: 23, minute: 59, second: 58, micros: 0 };
        assert_eq!(cells[2], Cell::DateTime(want, 0));
        assert_eq!(cells[3], Cell::DateTime(CivilDateTime::default(), 0));
        assert_eq!(cells[4], Cell::Timestamp { seconds: 4_294_967_295, micros: 0, fsp: 0 });
        assert_eq!(cells[5], Cell::Date(date));
    })
    .unwrap();
}

#[test]
fn every_hundredth_of_a_negative_time() {
    // TIME(2) as the server packs it: hundredths in two's complement below the seconds.
    for hundredths in 1i64..=359_999 {
        if hundredths % 17 != 0 && hundredths % 100 > 1 {
            continue;
        }
        let (s, f) = (hundredths / 100, hundredths % 100);
        let hms = (s / 3600) << 12 | (s / 60 % 60) << 6 | (s % 60);
        let packed = 0x8000_0000i64 - (hms << 8 | f);
        let value = u32::try_from(packed).unwrap().to_be_bytes();
        read_row(&[19], &[2], &[ColumnType::Time(2)], &value, |cells| {
            let want = TimeOfDay {
                negative: true,
                hours: u16::try_from(s / 3600).unwrap(),
                minutes: u8::try_from(s / 60 % 60).unwrap(),
                seconds: u8::try_from(s % 60).unwrap(),
                micros: u32::try_from(f * 10_000).unwrap(),
            };
            assert_eq!(cells[0], Cell::Time(want, 2));
        })
        .unwrap();
    }
}

#[test]
fn impossible_values_are_refused_by_column() {
    use ColumnType as K;
    let members: std::sync::Arc<[String]> = ["a".to_owned(), "b".to_owned()].into();
    type Case<'c> = (&'c [u8], &'c [u8], K, &'c [u8], &'c str);
    let cases: [Case<'_>; 9] = [
        (&[10], &[], K::Date, &[0xff, 0xff, 0xff], "month above 12"),
        (&[18], &[0], K::DateTime(0), &[0x7f, 0, 0, 0, 0], "cannot be negative"),
        (&[18], &[2], K::DateTime(2), &[0x80, 0, 0, 0, 0, 100], "fraction of a second"),
        (&[19], &[0], K::Time(0), &[0xff, 0xff, 0xff], "hour above 838"),
        (&[254], &[247, 1], K::Enum(std::sync::Arc::clone(&members)), &[3], "index above"),
        (&[254], &[248, 1], K::Set(members), &[4], "no member"),
        (&[254], &[254, 4], K::Binary { length: 4 }, b"\x05abcde", "longer than the column"),
        (&[242], &[4], K::Vector, &[3, 0, 0, 0, 1, 2, 3], "32-bit floats"),
        (&[15], &[10, 0], K::VarChar, b"\x05abc", "ends inside"),
    ];
    for (codes, metadata, kind, value, want) in cases {
        let error = read_row(codes, metadata, &[kind], value, |_| panic!("{want}")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(want), "{text}");
        assert!(
            text.contains("WRITE_ROWS_EVENT_V1 of d.t row 1 after image column 1 `c0`"),
            "{text}"
        );
    }
}

#[test]
fn fixed_binary_is_restored_and_bounded() {
    let kinds = [ColumnType::Binary { length: 4 }, ColumnType::Binary { length: 300 }];
    // BINARY(300) cannot exist, but a CHAR of more than 255 bytes has this form of metadata.
    let metadata = [254, 4, 254 ^ 0x10, 44];
    let values = b"\x01a\x02\x00xy";
    read_row(&[254, 254], &metadata, &kinds, values, |cells| {
        assert_eq!(cells[0], Cell::Binary(b"a\0\0\0"));
        let Cell::Binary(long) = cells[1] else { panic!() };
        assert_eq!((long.len(), &long[..2]), (300, &b"xy"[..]));
        assert!(long[2..].iter().all(|b| *b == 0));
    })
    .unwrap();

    let map = map_body(&[254], &[254, 255], &[]);
    let kinds = [ColumnType::Binary { length: 255 }];
    let plan = TablePlan::with_schema(&TableMap::parse(&map, 8).unwrap(), schema(&kinds).into());
    let plan = plan.unwrap();
    let mut body = v1_rows(1, &[0]);
    for _ in 0..9 {
        body.extend([0xfe, 0]);
    }
    let event = RowsEvent::parse(EventType::WRITE_ROWS_V1, &body, 8).unwrap();
    let mut scratch = Vec::new();
    for (limit, fits) in [(2550, true), (2549, false)] {
        let limits = RowLimits { restored_bytes_max: limit, ..RowLimits::default() };
        let rows = event.rows(&plan, &mut scratch, limits).map(|_| ());
        assert_eq!(rows.is_ok(), fits, "{rows:?}");
    }
    assert!(scratch.len() < 4000);
}

#[test]
fn a_schema_that_does_not_fit_the_log_is_named() {
    use ColumnType as K;
    let case = |codes: &[u8], metadata: &[u8], optional: &[u8], kinds: &[K], want: &str| {
        let map = map_body(codes, metadata, optional);
        let map = TableMap::parse(&map, 8).unwrap();
        let error = TablePlan::with_schema(&map, schema(kinds).into()).unwrap_err();
        assert!(matches!(error, PlanError::Mismatch { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("d.t disagree") && text.contains(want), "{text}");
    };
    let int = K::Int { unsigned: false };
    case(&[3], &[], &[], &[int.clone(), int.clone()], "the log has 1 columns, the schema 2");
    case(&[8], &[], &[], std::slice::from_ref(&int), "`c0` is LongLong in the log");
    case(&[246], &[10, 2], &[], &[K::Decimal { precision: 10, scale: 3 }], "precision: 10");
    case(&[18], &[3], &[], &[K::DateTime(0)], "fsp: 3");
    // SIGNEDNESS says unsigned.
    case(&[3], &[], &[1, 1, 0x80], &[int], "is unsigned in the log and signed in the schema");
    // DEFAULT_CHARSET 63 says bytes.
    case(&[252], &[2], &[2, 1, 63], &[K::Text], "collation 63");
    case(&[15], &[10, 0], &[2, 1, 45], &[K::VarBinary], "collation 45");
}

#[test]
fn table_maps_that_cannot_be() {
    let error = |codes: &[u8], metadata: &[u8]| {
        let map = map_body(codes, metadata, &[]);
        let map = TableMap::parse(&map, 8).unwrap();
        map.wire_columns().collect::<Result<Vec<_>, _>>().unwrap_err().to_string()
    };
    assert!(error(&[0], &[]).contains("before 5.0.3"));
    assert!(error(&[20], &[]).contains("20 cannot be in a row image"));
    assert!(error(&[142], &[]).contains("142 is not known"));
    assert!(error(&[140], &[5]).contains("5; 1 to 4"));
    assert!(error(&[141], &[1]).contains("1 more bytes"));
    assert!(error(&[246], &[66, 0]).contains("DECIMAL(66, 0)"));
    assert!(error(&[246], &[3, 4]).contains("DECIMAL(3, 4)"));
    assert!(error(&[16], &[0, 9]).contains("9 bytes and 0 bits"));
    assert!(error(&[17], &[7]).contains("7; 0 to 6"));
    assert!(error(&[252], &[5]).contains("5; 1 to 4"));
    assert!(error(&[254], &[247, 3]).contains("real type 247 with size 3"));
    assert!(error(&[15], &[1]).contains("1 more bytes"));
    // Metadata fields twice, and unknown ones.
    let parse = |optional: &[u8]| {
        let map = map_body(&[3], &[], optional);
        TableMap::parse(&map, 8).unwrap().optional_metadata().map(|m| m.first_unknown)
    };
    assert!(parse(&[1, 1, 0, 1, 1, 0]).unwrap_err().to_string().contains("1 appears twice"));
    assert_eq!(parse(&[99, 2, 0, 0, 1, 1, 0]).unwrap(), Some(99));
    assert!(parse(&[4, 9, 0]).is_err());
}

#[test]
fn the_cache_builds_once_per_version_and_is_bounded() {
    let mut cache: TableMapCache<usize> = TableMapCache::new(2);
    let mut built = 0;
    let mut map_as = |cache: &mut TableMapCache<usize>, id: u8, codes: &[u8]| {
        let mut body = map_body(codes, &[], &[]);
        body[0] = id;
        let map = TableMap::parse(&body, 8).unwrap();
        *cache
            .map_with(&map, |map| {
                built += 1;
                Ok::<_, DecodeError>(map.column_count() * 100 + built)
            })
            .unwrap()
    };
    assert_eq!(map_as(&mut cache, 1, &[3]), 101);
    assert_eq!(map_as(&mut cache, 1, &[3]), 101);
    assert_eq!(map_as(&mut cache, 1, &[3, 3]), 202);
    assert_eq!(map_as(&mut cache, 2, &[3]), 101, "another number of the same version");
    assert_eq!(map_as(&mut cache, 1, &[3, 3]), 202);
    // Number 2 was mapped longest ago.
    assert_eq!(map_as(&mut cache, 3, &[3]), 101);
    assert_eq!((cache.get(1), cache.get(2), cache.get(3)), (Some(&202), None, Some(&101)));
    // The version of number 1 was given a number longest ago.
    assert_eq!(map_as(&mut cache, 4, &[3, 3, 3]), 303);
    assert_eq!(map_as(&mut cache, 5, &[3]), 101);
    assert_eq!(map_as(&mut cache, 6, &[3, 3]), 204);
    let body = map_body(&[8], &[], &[]);
    let map = TableMap::parse(&body, 8).unwrap();
    let failed: Result<_, &str> = cache.map_with(&map, |_| Err("no"));
    assert_eq!(failed, Err("no"));
    assert_eq!(cache.get(9), None);
    cache.clear();
    assert!(cache.is_empty());
    assert_eq!(map_as(&mut cache, 6, &[3, 3]), 205, "nothing is left of what was forgotten");
}

#[test]
fn numbers_that_rise_for_ever_keep_the_cache_in_its_bound() {
    let mut cache: TableMapCache<u64> = TableMapCache::new(64);
    let mut built = 0;
    for number in 0..10_000_u64 {
        let mut body = map_body(&[3], &[], &[]);
        body[..6].copy_from_slice(&number.to_le_bytes()[..6]);
        let map = TableMap::parse(&body, 8).unwrap();
        let value = cache.map_with(&map, |_| {
            built += 1;
            Ok::<_, DecodeError>(number)
        });
        assert_eq!(value, Ok(&0));
        assert!(cache.len() <= 64 && cache.get(number).is_some());
    }
    assert_eq!(built, 1);
}

#[test]
fn rows_without_any_column_are_refused() {
    let map = map_body(&[3], &[], &[]);
    let kinds = [ColumnType::Int { unsigned: false }];
    let plan = TablePlan::with_schema(&TableMap::parse(&map, 8).unwrap(), schema(&kinds).into());
    let plan = plan.unwrap();
    let mut body = v1_rows(1, &[]);
    body[9] = 0;
    let event = RowsEvent::parse(EventType::DELETE_ROWS_V1, &body, 8).unwrap();
    let mut scratch = Vec::new();
    let error = event.rows(&plan, &mut scratch, RowLimits::default()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("without any column"), "{error}");
}

#[test]
fn packed_decimals() {
    let text = |hex_bytes: &str, precision, scale| {
        let mut out = b"x".to_vec();
        decimal::write_packed(&hex::decode(hex_bytes).unwrap(), precision, scale, &mut out)
            .map(|()| String::from_utf8(out).unwrap().split_off(1))
    };
    // From the comment of decimal2bin in MySQL's documentation: 1234567890.1234.
    assert_eq!(text("810dfb38d204d2", 14, 4).as_deref(), Some("1234567890.1234"));
    assert_eq!(text("7ef204c72dfb2d", 14, 4).as_deref(), Some("-1234567890.1234"));
    assert_eq!(text("80000000", 9, 0).as_deref(), Some("0"));
    assert_eq!(text("7fffffff", 9, 0).as_deref(), Some("0"));
    assert_eq!(text("8001", 3, 2).as_deref(), Some("0.01"));
    assert_eq!(text("7ffe", 3, 2).as_deref(), Some("-0.01"));
    assert_eq!(text("e4", 2, 0), None, "100 in two digits");
    assert_eq!(text("80", 3, 0), None, "one byte for two");
    assert_eq!(text("80", 0, 0), None);
    assert_eq!(text("80", 2, 3), None);
}

#[test]
fn rows_of_version_2_carry_extra_data() {
    let mut body = vec![9, 0, 0, 0, 0, 0, 1, 0];
    // Length 2 + NDB info of 3 + partitions of 5; then one column, both images, two rows' bytes.
    body.extend([10, 0, 0, 3, 0xaa, 1, 7, 0, 8, 0]);
    body.extend([1, 1, 1, 0, 5, 0, 6]);
    // NDB info of 3 bytes swallows the partition's type; what follows is not known.
    let event = RowsEvent::parse(EventType::UPDATE_ROWS, &body, 10).unwrap();
    assert_eq!((event.extra.first_unknown, event.extra.partition), (Some(7), None));
    body[11] = 2;
    let event = RowsEvent::parse(EventType::UPDATE_ROWS, &body, 10).unwrap();
    assert_eq!(event.extra.ndb, Some(&[0xaa][..]));
    assert_eq!((event.extra.partition, event.extra.source_partition), (Some(7), Some(8)));
    assert_eq!(event.row_bytes(), [0, 5, 0, 6]);
    body[10] = 77;
    let event = RowsEvent::parse(EventType::UPDATE_ROWS, &body, 10).unwrap();
    assert_eq!(event.extra.first_unknown, Some(77));
    body[8] = 1;
    assert!(RowsEvent::parse(EventType::UPDATE_ROWS, &body, 10).is_err());
}

//! A log that a real MariaDB 10.11 wrote (`fixtures/mariadb.sql`).

use std::sync::Arc;

use tailrace_codec::binlog::walk::{WalkLimits, walk_file};
use tailrace_codec::binlog::{
    Checksum, Event, EventInflater, EventType, FileFrames, IgnoredEvent, LogFormat, PlanError,
    RowLimits, TableMap, TableMapCache, TablePlan,
};
use tailrace_codec::ddl::Dialect;
use tailrace_codec::position::{ExecutedGtids, SourceGtid};
use tailrace_codec::{Cell, ColumnType, DecodeError};

use super::expected::fixture;
use super::replay::EVENT_BYTES_MAX;
use super::vectors::event;

/// Reads the log; gives a line for each event.
fn lines() -> Vec<String> {
    let file = fixture("mariadb");
    let mut format = LogFormat::new(Checksum::None);
    let mut inflater = EventInflater::new(EVENT_BYTES_MAX);
    let mut frames = FileFrames::new(&file, EVENT_BYTES_MAX).unwrap();
    let mut tables = TableMapCache::new(4);
    let mut executed = ExecutedGtids::parse("").unwrap();
    let mut lines = Vec::new();
    while let Some((_, bytes)) = frames.next_frame().unwrap() {
        let raw = format.frame(bytes).unwrap();
        let packed = EventInflater::unpacks(raw.header.event_type);
        let raw = inflater.expand(&format, &raw).unwrap().unwrap_or(raw);
        let line = match format.decode(&raw).unwrap() {
            Event::FormatDescription(description) => {
                let version = description.version_numbers();
                format!("{:?}", Dialect::of_server(description.is_mariadb(), version).version)
            }
            Event::MariaDbGtid(gtid) => {
                executed.add(&SourceGtid::MariaDb(gtid.gtid)).unwrap();
                let xid = gtid.prepares.or(gtid.completes).map(|xid| xid.to_string());
                format!(
                    "{} standalone={} ddl={} {}",
                    gtid.gtid,
                    gtid.standalone,
                    gtid.ddl,
                    xid.unwrap_or_default()
                )
            }
            Event::Query(query) => {
                let sql = String::from_utf8_lossy(query.sql);
                format!("{} {}", query.database, sql.chars().take(30).collect::<String>())
            }
            Event::TableMap(map) => {
                assert!(map.is_mariadb());
                tables.map_with(&map, told).unwrap();
                continue;
            }
            Event::Rows(rows) => {
                let plan: &Arc<TablePlan> = tables.get(rows.table_id).unwrap();
                let mut scratch = Vec::new();
                let mut read = rows.rows(plan, &mut scratch, RowLimits::default()).unwrap();
                let (mut before, mut after) = (Vec::new(), Vec::new());
                let mut seen = Vec::new();
                while read.next_row(&mut before, &mut after).unwrap() {
                    seen.push([&before, &after].map(|cells| shown(cells)).join(" → "));
                }
                format!("{:?} {}", rows.kind, seen.join(" | "))
            }
            Event::RowsQuery(sql) => {
                assert!(String::from_utf8_lossy(sql).contains("item"));
                continue;
            }
            Event::Xid(_) => "XID".to_owned(),
            Event::XaPrepare(prepare) => format!("XA PREPARE one_phase={}", prepare.one_phase),
            Event::Ignored(IgnoredEvent::MariaDbBookkeeping(_)) | Event::Rotate(_) => continue,
            other => panic!("{other:?}"),
        };
        lines.push(if packed { format!("packed {line}") } else { line });
    }
    assert_eq!(executed.to_string(), "0-1-5,4-1-4");
    lines
}

/// UUID and INET are told from BINARY as the catalog would tell them.
fn told(map: &TableMap<'_>) -> Result<Arc<TablePlan>, DecodeError> {
    let refused = |e: PlanError| DecodeError::new("plan", 0, e.to_string());
    let member = &mut |_, bytes: &[u8]| Ok(format!("{bytes:02x?}"));
    let plan = TablePlan::from_full_metadata(map, member).map_err(refused)?;
    let mut schema = plan.schema().as_ref().clone();
    for column in &mut schema.columns {
        column.kind = match (column.name.as_str(), &column.kind) {
            ("u", ColumnType::Binary { length: 16 }) => ColumnType::Uuid,
            ("v", ColumnType::Binary { length: 16 }) => ColumnType::Inet6,
            ("w", ColumnType::Binary { length: 4 }) => ColumnType::Inet4,
            (_, other) => other.clone(),
        };
    }
    TablePlan::with_schema(map, Arc::new(schema)).map(Arc::new).map_err(refused)
}

fn shown(cells: &[Cell<'_>]) -> String {
    let cell = |cell: &Cell<'_>| match cell {
        Cell::Null => "-".to_owned(),
        Cell::UInt(number) => number.to_string(),
        Cell::Text(bytes) | Cell::Utf8(bytes) | Cell::Binary(bytes) if bytes.len() < 40 => {
            String::from_utf8_lossy(bytes).replace('\0', "0")
        }
        Cell::Text(bytes) => format!("{} × {}", bytes.len(), char::from(bytes[0])),
        Cell::Enum(index) => format!("#{index}"),
        Cell::Geometry(bytes) => format!("{} bytes", bytes.len()),
        other => format!("{other:?}"),
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(",")
}

#[test]
fn every_event_is_read() {
    let expected = [
        "101119",
        "0-1-1 standalone=true ddl=true ",
        "shop create database shop",
        "0-1-2 standalone=true ddl=true ",
        "shop create table item (id int unsi",
        "0-1-3 standalone=false ddl=false ",
        "Write  → 1,01020304-0506-1708-890a-0b0c0d0e0f10,2001:db8::1,10.0.0.7,\u{1}000000000000000,25 bytes,\u{fffd},300 × x,short,#2",
        "XID",
        "4-1-1 standalone=false ddl=false ",
        "Write  → 2,-,-,-,kkkkkkkkkkkkkkkk,-,yyyyyyyyyyyyyyyyyyyy,-,-,- |  → 3,-,-,-,kkkkkkkkkkkkkkkk,-,zzzzzzzzzzzzzzzzzzzz,-,-,-",
        "XID",
        "4-1-2 standalone=false ddl=false ",
        "packed Update 2,-,-,-,kkkkkkkkkkkkkkkk,-,yyyyyyyyyyyyyyyyyyyy,-,-,- → 2,-,-,-,kkkkkkkkkkkkkkkk,-,qqqqqqqqqqqqqqqqqqqq,-,-,- | 3,-,-,-,kkkkkkkkkkkkkkkk,-,zzzzzzzzzzzzzzzzzzzz,-,-,- → 3,-,-,-,kkkkkkkkkkkkkkkk,-,qqqqqqqqqqqqqqqqqqqq,-,-,-",
        "XID",
        "4-1-3 standalone=false ddl=false ",
        "Delete 2,-,-,-,kkkkkkkkkkkkkkkk,-,qqqqqqqqqqqqqqqqqqqq,-,-,- →  | 3,-,-,-,kkkkkkkkkkkkkkkk,-,qqqqqqqqqqqqqqqqqqqq,-,-,- → ",
        "XID",
        "4-1-4 standalone=false ddl=false X'78',X'62',7",
        "Write  → 9,-,-,-,-,-,-,-,-,-",
        "shop XA END X'78',X'62',7",
        "XA PREPARE one_phase=false",
        "0-1-4 standalone=true ddl=false X'78',X'62',7",
        " XA COMMIT X'78',X'62',7",
        "0-1-5 standalone=true ddl=true ",
        "packed shop alter table item add column no",
    ];
    assert_eq!(lines(), expected);
}

/// Damage anywhere in the file is an error, and never a panic.
#[test]
fn damage_is_named() {
    let file = fixture("mariadb");
    let walked = walk_file(&file, WalkLimits::default()).unwrap();
    assert_eq!((walked.transactions, walked.rows), (9, 8));
    for at in 4..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x15;
        // The checksum covers all of an event; only its size is looked at before.
        assert!(walk_file(&damaged, WalkLimits::default()).is_err(), "byte {at}");
    }
}

/// What a packed event says of its length is checked before anything is unpacked, and afterwards.
#[test]
fn packed_events_keep_their_bounds() {
    let query = |packed: &[u8]| {
        let mut body = vec![0; 13];
        body[8] = 1;
        body.extend_from_slice(b"d\0");
        body.extend_from_slice(packed);
        event(EventType::MARIADB_QUERY_COMPRESSED, 0, &body)
    };
    let mut zlib = flate2::Compress::new(flate2::Compression::best(), true);
    let mut packed = Vec::with_capacity(256);
    zlib.compress_vec(&[b'a'; 200], &mut packed, flate2::FlushCompress::Finish).unwrap();
    let form = |head: &[u8]| query(&[head, &packed].concat());
    let format = LogFormat::new(Checksum::None);
    let refusal = |bytes: &[u8], bound: usize| {
        let raw = format.frame(bytes).unwrap();
        EventInflater::new(bound).expand(&format, &raw).unwrap_err().to_string()
    };
    let good = form(&[0x81, 200]);
    let raw = format.frame(&good).unwrap();
    let mut inflater = EventInflater::new(1000);
    let plain = inflater.expand(&format, &raw).unwrap().unwrap();
    assert_eq!((plain.header.event_type, plain.body.len()), (EventType::QUERY, 15 + 200));
    for (bytes, bound, said) in [
        (form(&[0x81, 200]), 100, "at most 100 are allowed"),
        (form(&[0x81, 199]), 1000, "199 are announced"),
        (form(&[0x81, 201]), 1000, "201 are announced"),
        (form(&[0x84, 0x7f, 0xff, 0xff, 0xff]), usize::MAX, "cannot be 2147483647 bytes"),
        (form(&[0x91, 200]), 1000, "0x91; zlib"),
        (form(&[0x80, 200]), 1000, "0x80; zlib"),
        (query(&[]), 1000, "compression header"),
        (query(&[0x81, 3, 1, 2, 3]), 1000, "zlib: "),
    ] {
        let error = refusal(&bytes, bound);
        assert!(error.contains(said), "{error:?}, not {said:?}");
    }
}

//! Where transactions begin and end, and what else stands between the rows.

use tailrace_codec::binlog::{Event, GtidEvent, RawEvent, RowsKind, StatusVars};

use super::expected::fixture;
use super::replay::{Visitor, replay};

/// One line per event.
#[derive(Default)]
struct Listing {
    lines: Vec<String>,
}

fn gtid_text(g: &GtidEvent<'_>) -> String {
    let sid = hex::encode(g.sid);
    // The server's own UUID differs from run to run.
    let sid = if sid.starts_with("aaaaaaaa") { &sid[..8] } else { "self" };
    let tag = if g.tag.is_empty() { String::new() } else { format!(":{}", g.tag) };
    format!("{:?} {sid}{tag}:{}", g.kind, g.gno)
}

impl Visitor for Listing {
    fn event(&mut self, raw: &RawEvent<'_>, event: &Event<'_>, in_payload: bool) {
        assert!(!in_payload);
        let line = match event {
            Event::FormatDescription(f) => {
                assert!(f.server_version.starts_with("9.") && f.version_numbers() > (9, 0, 0));
                assert!(raw.header.log_pos > 100);
                "format".to_owned()
            }
            Event::Gtid(g) => gtid_text(g),
            Event::Query(q) => {
                let sql = String::from_utf8_lossy(q.sql);
                let xid = if q.status.ddl_xid.is_some() { " (ends)" } else { "" };
                format!("query {:?} {sql}{xid}", q.database)
            }
            Event::Xid(_) => "xid".to_owned(),
            Event::XaPrepare(x) => format!(
                "xa one_phase={} {} {:?} {:?}",
                x.one_phase,
                x.format_id,
                hex::encode(x.gtrid),
                hex::encode(x.bqual)
            ),
            Event::TableMap(m) => format!("map {}.{}", m.database, m.table),
            Event::Rows(r) => {
                format!("rows {:?}{}", r.kind, if r.ends_statement() { " end" } else { "" })
            }
            Event::RowsQuery(sql) => format!("rows query {}", String::from_utf8_lossy(sql)),
            Event::Rotate(r) => format!("rotate {} {}", r.file, r.position),
            Event::Ignored(i) => format!("ignored {i:?}"),
            Event::PreviousGtids(set) => format!("previous {}", set.len()),
            other => format!("{other:?}"),
        };
        self.lines.push(line);
    }
}

fn listing(name: &str) -> Vec<String> {
    let mut listing = Listing::default();
    replay(&fixture(name), &mut listing).unwrap();
    listing.lines
}

#[test]
fn transactions_of_every_kind() {
    let lines = listing("transactions");
    let want = [
        "format",
        "previous 8",
        "Plain self:1",
        "query \"fixture\" CREATE DATABASE fixture (ends)",
        "Plain self:2",
        "query \"fixture\" CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) (ends)",
        "Plain self:3",
        "query \"fixture\" CREATE TABLE u (id INT PRIMARY KEY) (ends)",
        "Plain self:4",
        "query \"fixture\" BEGIN",
        "rows query INSERT INTO t VALUES (1, 'a')",
        "map fixture.t",
        "rows Write end",
        "rows query INSERT INTO u VALUES (1)",
        "map fixture.u",
        "rows Write end",
        "rows query UPDATE t SET v = 'b'",
        "map fixture.t",
        "rows Update end",
        "xid",
        "Tagged self:blue_1:1",
        "query \"fixture\" BEGIN",
        "map fixture.t",
        "rows Write end",
        "xid",
        "Tagged self:blue_1:2",
        "query \"fixture\" ALTER TABLE t ADD COLUMN w INT DEFAULT 7 (ends)",
        "Tagged aaaaaaaa:a23456789012345678901234567890_2:9223372036854775806",
        "query \"fixture\" BEGIN",
        "map fixture.t",
        "rows Write end",
        "xid",
        "Plain aaaaaaaa:5",
        "query \"fixture\" BEGIN",
        "map fixture.t",
        "rows Write end",
        "xid",
        "Plain self:5",
        "query \"fixture\" BEGIN",
        "map fixture.t",
        "rows Write end",
        "xid",
        "Plain self:6",
        "query \"fixture\" XA START X'676c6f62616c',X'6272616e6368',7",
        "map fixture.t",
        "rows Write end",
        "query \"fixture\" XA END X'676c6f62616c',X'6272616e6368',7",
        "xa one_phase=false 7 \"676c6f62616c\" \"6272616e6368\"",
        "Plain self:7",
        "query \"fixture\" XA COMMIT X'676c6f62616c',X'6272616e6368',7",
        "Plain self:8",
        "query \"fixture\" XA START X'00ff',X'',1",
        "map fixture.t",
        "rows Write end",
        "query \"fixture\" XA END X'00ff',X'',1",
        "xa one_phase=true 1 \"00ff\" \"\"",
        "Plain self:9",
        "query \"fixture\" XA START X'676f6e65',X'',1",
        "map fixture.t",
        "rows Write end",
        "query \"fixture\" XA END X'676f6e65',X'',1",
        "xa one_phase=false 1 \"676f6e65\" \"\"",
        "Plain self:10",
        "query \"fixture\" XA ROLLBACK X'676f6e65',X'',1",
        "Plain self:11",
        "query \"fixture\" BEGIN",
        "map fixture.t",
        "rows Write end",
        "query \"fixture\" SAVEPOINT `s`",
        "xid",
        "Plain self:12",
        "query \"fixture\" BEGIN",
        "ignored StatementContext(INTVAR_EVENT (5))",
        "query \"fixture\" INSERT INTO t VALUES (11, MICROSECOND(NOW(6)), LAST_INSERT_ID())",
        "xid",
        "Plain self:13",
        "query \"fixture\" BEGIN",
        "ignored StatementContext(USER_VAR_EVENT (14))",
        "query \"fixture\" INSERT INTO t VALUES (12, @uv, 12)",
        "xid",
        "Plain self:14",
        "query \"mysql\" CREATE TABLE fixture.other_db (id INT) (ends)",
        "Plain self:15",
        "query \"mysql\" DROP TABLE `fixture`.`other_db` /* generated by server */ (ends)",
        "Plain self:16",
        "query \"fixture\" CREATE TABLE named (id INT) COMMENT 'é' (ends)",
        "Plain self:17",
        "query \"fixture\" TRUNCATE u (ends)",
        "Plain self:18",
        "query \"fixture\" RENAME TABLE u TO u2 (ends)",
        "rotate binlog.000002 4",
    ];
    for (number, (got, want)) in lines.iter().zip(want).enumerate() {
        assert_eq!(got, want, "event {number}");
    }
    assert_eq!(lines.len(), want.len());
}

struct Gtids {
    lengths: Vec<(u64, u64)>,
    original: Vec<u64>,
    immediate: Vec<u64>,
    clocks: Vec<(i64, i64)>,
    versions: Vec<(u32, u32)>,
    bytes: u64,
}

impl Visitor for Gtids {
    fn event(&mut self, raw: &RawEvent<'_>, event: &Event<'_>, in_payload: bool) {
        if in_payload {
            return;
        }
        if let Event::Gtid(g) = event {
            self.lengths.push((g.transaction_length, 0));
            self.original.push(g.original_commit_timestamp);
            self.immediate.push(g.immediate_commit_timestamp);
            self.clocks.push((g.last_committed, g.sequence_number));
            self.versions.push((g.immediate_server_version, g.original_server_version));
        }
        if let (Some(last), false) = (self.lengths.last_mut(), matches!(event, Event::Rotate(_))) {
            last.1 += u64::from(raw.header.event_size);
        }
        self.bytes += u64::from(raw.header.event_size);
    }
}

fn gtids(name: &str) -> Gtids {
    let mut gtids = Gtids {
        lengths: vec![],
        original: vec![],
        immediate: vec![],
        clocks: vec![],
        versions: vec![],
        bytes: 4,
    };
    let file = fixture(name);
    replay(&file, &mut gtids).unwrap();
    assert_eq!(gtids.bytes, u64::try_from(file.len()).unwrap());
    gtids
}

#[test]
fn gtid_events_say_how_long_their_transaction_is() {
    for name in ["transactions", "types", "compressed", "anonymous"] {
        let gtids = gtids(name);
        assert!(!gtids.lengths.is_empty());
        for (said, counted) in &gtids.lengths {
            assert_eq!(said, counted, "{name}: {:?}", gtids.lengths);
        }
        assert!(gtids.versions.iter().all(|v| v.0 == v.1 && v.0 > 90_000), "{:?}", gtids.versions);
    }
}

#[test]
fn commit_times_of_both_servers() {
    let gtids = gtids("transactions");
    let older: Vec<_> = gtids.original.iter().filter(|t| **t == 1_700_000_000_000_001).collect();
    assert_eq!(older.len(), 1);
    // All commits were within a minute of each other.
    let (min, max) = (gtids.immediate.iter().min().unwrap(), gtids.immediate.iter().max().unwrap());
    assert!(max - min < 60_000_000 && *min > 1_700_000_000_000_001, "{min} {max}");
    assert!(gtids.clocks.is_sorted_by_key(|c| c.1));
    assert!(gtids.clocks.iter().all(|(last, sequence)| last < sequence));
    assert_eq!(gtids.clocks.last().unwrap().1, 22);
}

struct Queries {
    status: Vec<(Vec<u8>, StatusOwned)>,
}

/// What is compared of the status variables.
#[derive(Debug, PartialEq)]
struct StatusOwned {
    client: Option<u16>,
    server: Option<u16>,
    sql_mode: Option<u64>,
    time_zone: Option<Vec<u8>>,
    microseconds: Option<u32>,
    updated: Vec<u8>,
}

impl StatusOwned {
    fn from(status: &StatusVars<'_>) -> Self {
        Self {
            client: status.client_collation,
            server: status.server_collation,
            sql_mode: status.sql_mode,
            time_zone: status.time_zone.map(<[u8]>::to_vec),
            microseconds: status.microseconds,
            updated: status.updated_database_names.to_vec(),
        }
    }
}

impl Visitor for Queries {
    fn event(&mut self, _raw: &RawEvent<'_>, event: &Event<'_>, _in_payload: bool) {
        if let Event::Query(q) = event {
            assert_eq!(q.status.first_unknown, None, "{q:?}");
            assert_eq!(q.error_code, 0);
            assert_eq!(q.status.catalog, Some(&b"std"[..]));
            self.status.push((q.sql.to_vec(), StatusOwned::from(&q.status)));
        }
    }
}

#[test]
fn statements_carry_their_session() {
    let mut queries = Queries { status: vec![] };
    replay(&fixture("transactions"), &mut queries).unwrap();
    let find = |start: &str| {
        let found = queries.status.iter().find(|(sql, _)| sql.starts_with(start.as_bytes()));
        &found.unwrap_or_else(|| panic!("{start}")).1
    };
    // utf8mb4_0900_ai_ci, and latin1_swedish_ci after SET NAMES latin1.
    assert_eq!(find("CREATE TABLE t ").client, Some(255));
    assert_eq!(find("CREATE TABLE named").client, Some(8));
    assert_eq!(find("CREATE TABLE named").server, Some(255));
    assert_eq!(find("CREATE TABLE fixture.other_db").updated, b"fixture\0");
    assert_eq!(find("INSERT INTO t VALUES (11").microseconds, Some(500_000));
    assert!(find("CREATE TABLE t ").sql_mode.is_some_and(|mode| mode != 0));
    assert_eq!(find("INSERT INTO t VALUES (11").time_zone.as_deref(), Some(&b"SYSTEM"[..]));
}

#[test]
fn a_log_of_a_server_without_gtids() {
    let lines = listing("anonymous");
    assert!(lines.iter().filter(|l| *l == "Anonymous self:0").count() >= 4, "{lines:#?}");
    assert!(lines.contains(&"rows Update end".to_owned()));
}

#[test]
fn kinds_know_their_images() {
    use RowsKind as K;
    let table = [(K::Write, false, true), (K::Update, true, true), (K::Delete, true, false)];
    for (kind, before, after) in table {
        assert_eq!((kind.has_before(), kind.has_after()), (before, after));
    }
}

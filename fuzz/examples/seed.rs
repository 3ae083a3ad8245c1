//! Makes the corpus that is checked in from the fixtures of `tailrace-codec`'s tests.
//!
//! ```text
//! cargo run --manifest-path fuzz/Cargo.toml --no-default-features --example seed
//! ```
//!
//! Only files with names that it gives itself are written; crashes that were added by hand stay.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};

use tailrace_codec::Cell;
use tailrace_codec::binlog::{
    Checksum, Event, EventType, FileFrames, LogFormat, RowLimits, TableMapCache, TablePlan,
};
use tailrace_codec::charset::Decoder;

type Outcome = Result<(), Box<dyn Error>>;

/// Larger events make a fuzzer slow, and hold nothing that smaller ones do not.
const SEED_BYTES_MAX: usize = 2 << 10;
const HEADER_BYTES: usize = 19;
const SIZE_AT: std::ops::Range<usize> = 9..13;

fn main() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let codec = root.join("../crates/tailrace-codec");
    let seeds = Seeds { root: root.join("corpus") };
    positions(&seeds, &codec)?;
    statements(&seeds, &codec)?;
    charsets(&seeds, &codec)?;
    redo(&seeds)?;
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(codec.join("tests/fixtures"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "binlog") {
            logs.push(path);
        }
    }
    logs.sort();
    let mut types = BTreeSet::new();
    for path in logs {
        binlog(&seeds, &path, &mut types)?;
    }
    diffs(&seeds)
}

/// Where the corpus is.
struct Seeds {
    root: PathBuf,
}

impl Seeds {
    fn write(&self, target: &str, name: &str, bytes: &[u8]) -> Outcome {
        let directory = self.root.join(target);
        std::fs::create_dir_all(&directory)?;
        Ok(std::fs::write(directory.join(name), bytes)?)
    }
}

fn positions(seeds: &Seeds, codec: &Path) -> Outcome {
    let fixture = std::fs::read_to_string(codec.join("src/position/tests/server_gtid.tsv"))?;
    for (number, line) in fixture.lines().step_by(10).enumerate() {
        let mut sets = line.split('\t').map(|set| set.replace("\\n", "\n"));
        let (Some(a), Some(b)) = (sets.next(), sets.next()) else { continue };
        seeds.write("gtid_text", &format!("pair-{number:02}"), format!("{a}|{b}").as_bytes())?;
        let set: tailrace_codec::position::GtidSet = a.parse()?;
        let (mut mysql, mut stored) = (vec![0], vec![1]);
        set.encode_mysql(&mut mysql);
        set.encode_storage(&mut stored);
        seeds.write("gtid_binary", &format!("mysql-{number:02}"), &mysql)?;
        seeds.write("gtid_binary", &format!("stored-{number:02}"), &stored)?;
    }
    for (number, text) in ["mysql-bin.000277:805", "b.1000000:4", "a.b:c.001:0"].iter().enumerate()
    {
        seeds.write("file_offset", &format!("text-{number}"), format!("\0{text}").as_bytes())?;
        let mut stored = vec![1];
        tailrace_codec::position::FileOffset::parse(text)?.encode_storage(&mut stored);
        seeds.write("file_offset", &format!("stored-{number}"), &stored)?;
    }
    Ok(())
}

/// One file per heading of the corpus of statements, and per case of the server.
fn statements(seeds: &Seeds, codec: &Path) -> Outcome {
    let tests = codec.join("src/ddl/tests");
    let corpus = std::fs::read_to_string(tests.join("corpus.txt"))?;
    for (number, part) in corpus.split("## ").skip(1).enumerate() {
        let heading = part.lines().next().unwrap_or_default();
        let flags = match heading {
            "mariadb" => 1,
            "ansi" => 4,
            "noescape" => 8,
            _ => 0,
        };
        seeds.write("ddl", &format!("corpus-{number:02}"), &statement_seed(flags, part, "=> "))?;
    }
    let cases = std::fs::read_to_string(tests.join("server_schema.txt"))?;
    for (number, case) in cases.split("\n\n").enumerate() {
        let case = format!("heading\n{case}");
        seeds.write("ddl", &format!("case-{number:02}"), &statement_seed(0, &case, "= "))?;
    }
    Ok(())
}

fn statement_seed(flags: u8, part: &str, answer: &str) -> Vec<u8> {
    let statements: Vec<String> = part
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty() && !line.starts_with(answer))
        .map(|line| line.replace("\\n", "\n"))
        .collect();
    [&[flags], statements.join(";;\n").as_bytes()].concat()
}

/// A few strings of each character set.
fn charsets(seeds: &Seeds, codec: &Path) -> Outcome {
    let samples = std::fs::read_to_string(codec.join("src/charset/tests/server_samples.tsv"))?;
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for line in samples.lines() {
        let mut fields = line.split('\t');
        let (Some(charset), Some(bytes)) = (fields.next(), fields.next()) else { continue };
        let number = seen.entry(charset).or_default();
        *number += 1;
        let Some(id) = tailrace_codec::charset::default_collation(charset) else { continue };
        if *number > 2 || Decoder::for_collation(id).is_err() {
            continue;
        }
        let bytes: Vec<u8> = (0..bytes.len() / 2)
            .filter_map(|at| u8::from_str_radix(bytes.get(2 * at..2 * at + 2)?, 16).ok())
            .collect();
        let seed = [&id.to_le_bytes(), bytes.as_slice()].concat();
        seeds.write("charset", &format!("{charset}-{number}"), &seed)?;
    }
    Ok(())
}

/// Events of each type for `event`; table maps with their rows, and payloads, for `log`; documents
/// for `json`.
fn binlog(seeds: &Seeds, path: &Path, types: &mut BTreeSet<(EventType, bool)>) -> Outcome {
    let file = std::fs::read(path)?;
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("log");
    let mut format = LogFormat::new(Checksum::None);
    let mut tables = TableMapCache::new(64);
    let (mut scratch, mut map_bytes) = (Vec::new(), Vec::new());
    let mut frames = FileFrames::new(&file, 64 << 20)?;
    let (mut logs, mut documents) = (BTreeSet::new(), 0);
    while let Some((at, bytes)) = frames.next_frame()? {
        let raw = format.frame(bytes)?;
        let event = format.decode(&raw)?;
        let plain = without_checksum(bytes, raw.body);
        let small = plain.len() <= SEED_BYTES_MAX;
        if small && types.insert((raw.header.event_type, plain.len() > 100)) {
            let type_name = raw.header.event_type.0;
            seeds.write("event", &format!("type-{type_name:03}-{}", plain.len()), &plain)?;
        }
        match &event {
            Event::TableMap(map) => {
                map_bytes = plain;
                let mut text = |id, bytes: &[u8]| {
                    let mut out = Vec::new();
                    Decoder::for_collation(id)?.decode_into(bytes, &mut out);
                    Ok(String::from_utf8(out).unwrap_or_default())
                };
                // Without full metadata there is no plan, and no rows for this corpus.
                let _ = tables.map_with(map, |map| TablePlan::from_full_metadata(map, &mut text));
            }
            Event::Rows(rows) => {
                let (map, kind) = (tables.get(rows.table_id), raw.header.event_type);
                let total = map_bytes.len() + plain.len();
                if total <= SEED_BYTES_MAX && logs.insert((map_bytes.clone(), kind)) {
                    seeds.write(
                        "log",
                        &format!("{name}-{at}"),
                        &[map_bytes.as_slice(), &plain].concat(),
                    )?;
                }
                if let Some(plan) = map {
                    let mut rows = rows.rows(plan, &mut scratch, RowLimits::default())?;
                    let (mut before, mut after) = (Vec::new(), Vec::new());
                    while documents < 40 && rows.next_row(&mut before, &mut after)? {
                        for cell in &after {
                            if let Cell::Json(document) = cell
                                && let Ok(length) = u16::try_from(document.len())
                                && document.len() <= SEED_BYTES_MAX
                            {
                                documents += 1;
                                let seed = [&length.to_le_bytes(), *document].concat();
                                seeds.write("json", &format!("{name}-{documents:02}"), &seed)?;
                            }
                        }
                    }
                }
            }
            Event::TransactionPayload(_) if small => {
                seeds.write("log", &format!("{name}-{at}"), &plain)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The event as a log without checksums has it.
fn without_checksum(bytes: &[u8], body: &[u8]) -> Vec<u8> {
    let mut plain = bytes.get(..HEADER_BYTES).unwrap_or_default().to_vec();
    plain.extend_from_slice(body);
    let size = u32::try_from(plain.len()).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(slot) = plain.get_mut(SIZE_AT) {
        slot.copy_from_slice(&size);
    }
    plain
}

/// `{"a": 1}` in binary form, and the three differences.
fn diffs(seeds: &Seeds) -> Outcome {
    let document = [0x00, 1, 0, 12, 0, 11, 0, 1, 0, 0x05, 1, 0, b'a'];
    let value = [0x05, 7, 0];
    let operations: [(&str, u8, &[u8], &[u8]); 4] = [
        ("replace", 0, b"$.a", &value),
        ("insert", 1, b"$.b", &value),
        ("remove", 2, b"$.a", &[]),
        ("array", 1, b"$[last]", &value),
    ];
    for (name, operation, path, value) in operations {
        let mut seed = u16::try_from(document.len())?.to_le_bytes().to_vec();
        seed.extend_from_slice(&document);
        seed.push(operation);
        seed.push(u8::try_from(path.len())?);
        seed.extend_from_slice(path);
        if operation != 2 {
            seed.push(u8::try_from(value.len())?);
            seed.extend_from_slice(value);
        }
        seeds.write("json", &format!("diff-{name}"), &seed)?;
    }
    Ok(())
}

/// Statements of LogMiner, of every shape.
fn redo(seeds: &Seeds) -> Outcome {
    let statements = [
        r#"insert into "HR"."EMP"("ID","NAME","D") values ('1','O''Hara',NULL);"#,
        r#"update "S"."T" a set a."X" = UNISTR('\\4E2D') || CHR(10) || N'b' where a."Y" IS NULL and a.ROWID = 'AAA';"#,
        r#"delete from "S"."T" where "A" = HEXTORAW('0aff') and "B" = -1.5E+10 and ROWID = 'AAB'"#,
        r#"insert into "S"."T"("D","T","Z","I") values (TO_DATE('1', 'DD'),TIMESTAMP '2',TO_TIMESTAMP_TZ('3'),TO_DSINTERVAL('4'));"#,
        r#"insert into "S"."T"("C","B","X") values (EMPTY_CLOB(),EMPTY_BLOB(),XMLTYPE('<a(/>'));"#,
        "DECLARE \n loc_c CLOB; \n buf_c VARCHAR2(6156); \nBEGIN\n select \"N\" into loc_c from \"S\".\"T\" where \"I\" = '1' for update;\n buf_c := 'x'; \n  dbms_lob.write(loc_c, 1, 1, buf_c);\nEND;",
        "e_len := 7; dbms_lob.erase(loc_b, e_len, 3);\nEND;",
    ];
    for (number, statement) in statements.iter().enumerate() {
        seeds.write("redo", &format!("case-{number:02}"), statement.as_bytes())?;
    }
    Ok(())
}

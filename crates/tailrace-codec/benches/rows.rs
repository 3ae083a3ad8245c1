//! Rows events to cells: how fast the reader is on a narrow and a wide table, and with NULLs.
//!
//! Events are of the size the server writes (`binlog_row_event_max_size`, 8 KiB) and are read again
//! and again from cache, so the numbers are a ceiling for this stage alone.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tailrace_codec::binlog::{
    EventType, RowLimits, RowsEvent, TableMap, TablePlan, recycle, write_json_text,
};
use tailrace_codec::binlog::{JsonLimits, decimal};
use tailrace_codec::{Cell, Column, ColumnType, TableSchema};

/// A column: its type in the schema, its code and metadata on the wire, one value's bytes.
struct Sample {
    kind: ColumnType,
    code: u8,
    metadata: &'static [u8],
    value: Vec<u8>,
}

fn samples() -> Vec<Sample> {
    let sample =
        |kind, code, metadata, value: &[u8]| Sample { kind, code, metadata, value: value.to_vec() };
    let mut varchar = vec![120];
    varchar.extend_from_slice(&[b'v'; 120]);
    vec![
        sample(ColumnType::BigInt { unsigned: false }, 8, &[], &42u64.to_le_bytes()),
        sample(ColumnType::VarChar, 15, &[200, 0], &varchar),
        sample(
            ColumnType::Decimal { precision: 18, scale: 4 },
            246,
            &[18, 4],
            &[0x80; 9][..usize::from(decimal::packed_bytes(18, 4))],
        ),
        sample(
            ColumnType::DateTime(6),
            18,
            &[6],
            &[0x99, 0xb2, 0xbb, 0x7e, 0xfb, 0x01, 0xe2, 0x40],
        ),
        sample(ColumnType::Int { unsigned: true }, 3, &[], &7u32.to_le_bytes()),
        sample(ColumnType::Timestamp(0), 17, &[0], &1_700_000_000u32.to_be_bytes()),
        sample(ColumnType::Char, 254, &[0xfe, 40], b"\x08charchar"),
        sample(ColumnType::Double, 5, &[8], &1.5f64.to_le_bytes()),
        sample(ColumnType::TinyInt { unsigned: false }, 1, &[], &[1]),
        sample(ColumnType::Date, 10, &[], &[0x5d, 0xd0, 0x0f]),
    ]
}

/// A table of `columns` columns and one event of rows for it.
fn table(columns: usize, null_every: usize) -> (TablePlan, Vec<u8>, usize) {
    let samples = samples();
    let picked: Vec<&Sample> = (0..columns).map(|i| &samples[i % samples.len()]).collect();
    let schema = TableSchema {
        database: "bench".to_owned(),
        table: "t".to_owned(),
        columns: picked
            .iter()
            .enumerate()
            .map(|(i, s)| Column {
                name: format!("c{i}"),
                kind: s.kind.clone(),
                type_name: String::new(),
                collation: 255,
                nullable: true,
            })
            .collect(),
        primary_key: vec![0],
    };
    let metadata: Vec<u8> = picked.iter().flat_map(|s| s.metadata.iter().copied()).collect();
    let mut map = vec![1, 0, 0, 0, 0, 0, 1, 0, 5];
    map.extend_from_slice(b"bench\0\x01t\0");
    map.push(u8::try_from(columns).unwrap());
    map.extend(picked.iter().map(|s| s.code));
    map.push(u8::try_from(metadata.len()).unwrap());
    map.extend_from_slice(&metadata);
    map.extend(vec![0xff; columns.div_ceil(8)]);
    let plan = TablePlan::with_schema(&TableMap::parse(&map, 8).unwrap(), schema.into()).unwrap();

    let mut event = vec![1, 0, 0, 0, 0, 0, 1, 0, 2, 0, u8::try_from(columns).unwrap()];
    event.extend(vec![0xff; columns.div_ceil(8)]);
    let mut rows = 0;
    while event.len() < 8192 {
        let mut nulls = vec![0u8; columns.div_ceil(8)];
        let mut values = Vec::new();
        for (i, sample) in picked.iter().enumerate() {
            if null_every > 0 && i % null_every == null_every - 1 {
                nulls[i / 8] |= 1 << (i % 8);
            } else {
                values.extend_from_slice(&sample.value);
            }
        }
        event.extend_from_slice(&nulls);
        event.extend_from_slice(&values);
        rows += 1;
    }
    (plan, event, rows)
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("rows_to_cells");
    for (columns, null_every) in [(4, 0), (40, 0), (4, 4), (40, 3)] {
        let (plan, body, rows) = table(columns, null_every);
        group.throughput(Throughput::Elements(u64::try_from(rows).unwrap()));
        let id = BenchmarkId::new(format!("{columns}_columns"), format!("null_every_{null_every}"));
        let mut scratch = Vec::new();
        let (mut kept_before, mut kept_after): (Vec<Cell<'static>>, _) = (Vec::new(), Vec::new());
        group.bench_function(id, |b| {
            b.iter(|| {
                let event = RowsEvent::parse(EventType::WRITE_ROWS, &body, 10).unwrap();
                let mut rows = event.rows(&plan, &mut scratch, RowLimits::default()).unwrap();
                let mut before = std::mem::take(&mut kept_before);
                let mut after = std::mem::take(&mut kept_after);
                while rows.next_row(&mut before, &mut after).unwrap() {
                    black_box(&after);
                }
                kept_before = recycle(before);
                kept_after = recycle(after);
            });
        });
    }
    group.finish();
}

fn json(c: &mut Criterion) {
    // {"a": 1, "bb": "text", "c": [1, 2]} as the server stores it.
    let document: &[u8] = &[
        0x00, 3, 0, 48, 0, 25, 0, 1, 0, 26, 0, 1, 0, 27, 0, 2, 0, 0x05, 1, 0, 0x02, 29, 0, 0x0c,
        43, 0, b'a', b'c', b'b', b'b', 2, 0, 14, 0, 0x05, 1, 0, 0x05, 2, 0, 0, 0, 0, 0, 4, b't',
        b'e', b'x', b't',
    ];
    let mut text = Vec::new();
    c.bench_function("json_text", |b| {
        b.iter(|| {
            text.clear();
            write_json_text(document, JsonLimits::default(), &mut text).unwrap();
            black_box(&text);
        });
    });
}

criterion_group!(benches, decode, json);
criterion_main!(benches);

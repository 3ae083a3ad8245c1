//! Rows events as a server would write them.

use tailrace_codec::binlog::{TableMap, TablePlan, decimal};
use tailrace_codec::{Column, ColumnType, TableSchema};

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
pub(crate) fn table(columns: usize, null_every: usize) -> (TablePlan, Vec<u8>, usize) {
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

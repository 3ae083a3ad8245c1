//! Rows per second of the DRS JSON encoder, for a narrow and a wide table.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tailrace_codec::{
    Cell, Column, ColumnType, TableSchema,
    cell::{CivilDate, CivilDateTime, Decimal},
    encode::{Format, RowEncoder, RowMeta},
};

const META: RowMeta = RowMeta { id: 1_000_000, es_ms: 1_700_000_000_000, ts_ms: 1_700_000_000_350 };

fn column(index: usize) -> (Column, Cell<'static>) {
    let date = CivilDate { year: 2024, month: 2, day: 29 };
    let (kind, type_name, cell) = match index % 8 {
        0 => (ColumnType::BigInt { unsigned: false }, "bigint", Cell::Int(123_456_789)),
        1 => (ColumnType::VarChar, "varchar", Cell::Text(b"a customer's name, not long")),
        2 => (
            ColumnType::DateTime(3),
            "datetime",
            Cell::DateTime(
                CivilDateTime { date, hour: 12, minute: 34, second: 56, micros: 789_000 },
                3,
            ),
        ),
        3 => (
            ColumnType::Decimal { precision: 14, scale: 4 },
            "decimal",
            Cell::Decimal(Decimal::Packed {
                bytes: &[0x81, 0x0D, 0xFB, 0x38, 0xD2, 0x04, 0xD2],
                precision: 14,
                scale: 4,
            }),
        ),
        4 => (
            ColumnType::Timestamp(6),
            "timestamp",
            Cell::Timestamp { seconds: 1_700_000_000, micros: 123_456, fsp: 6 },
        ),
        5 => (ColumnType::Double, "double", Cell::Double(1234.5678)),
        6 => (
            ColumnType::Text,
            "text",
            Cell::Text("Zeichen außerhalb von ASCII, 汉字 und ein langer Rest ohne".as_bytes()),
        ),
        _ => (ColumnType::VarChar, "varchar", Cell::Null),
    };
    let collation = 255;
    let column = Column {
        name: format!("column_{index}"),
        kind,
        type_name: type_name.into(),
        collation,
        nullable: true,
    };
    (column, cell)
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode_insert_json");
    for width in [4, 40] {
        let (columns, cells): (Vec<_>, Vec<_>) = (0..width).map(column).unzip();
        let schema = TableSchema {
            database: "shop".into(),
            table: "orders".into(),
            columns,
            primary_key: vec![0],
        };
        let encoder = RowEncoder::compile(&schema, Format::Json).unwrap();
        let mut out = Vec::new();
        encoder.encode_insert(&mut out, &META, &cells).unwrap();
        println!("{width} columns: {} bytes per message", out.len());
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("{width} columns"), |b| {
            b.iter(|| {
                if out.len() > 1 << 20 {
                    out.clear();
                }
                encoder.encode_insert(&mut out, &META, black_box(&cells)).unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);

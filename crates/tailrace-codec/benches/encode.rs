//! Rows per second of the DRS JSON encoder, for a narrow and a wide table.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tailrace_codec::TableSchema;
use tailrace_codec::encode::{Format, RowEncoder};

#[path = "sample/cells.rs"]
mod sample;

use sample::{META, column};

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

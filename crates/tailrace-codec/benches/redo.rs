//! SQL_REDO to places in it: statements and bytes per second of one core, by kind and number of columns.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tailrace_codec::redo::Dml;

/// Characters of each value.
const VALUE_CHARS: usize = 50;

/// An insert or an update of so many columns. An update sets half of them and names all as they were.
fn statement(kind: &str, columns: usize) -> String {
    let mut text = String::new();
    let name = |n: usize| format!("\"COLUMN_{n}\"");
    let value =
        |n: usize| format!("'{}'", format!("{n}-").repeat(VALUE_CHARS).split_at(VALUE_CHARS).0);
    let all = |of: &dyn Fn(usize) -> String, columns: usize, between: &str| {
        (0..columns).map(of).collect::<Vec<_>>().join(between)
    };
    let pair = |n: usize| format!("{} = {}", name(n), value(n));
    match kind {
        "insert" => write!(
            text,
            "insert into \"SHOP\".\"ORDERS\"({}) values ({});",
            all(&name, columns, ","),
            all(&value, columns, ",")
        ),
        _ => write!(
            text,
            "update \"SHOP\".\"ORDERS\" set {} where {} and ROWID = 'AAASPkAAEAAAAF7AAA';",
            all(&pair, columns.div_ceil(2), ", "),
            all(&pair, columns, " and ")
        ),
    }
    .expect("a string takes all");
    text
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("sql_redo");
    for kind in ["insert", "update"] {
        for columns in [5, 10, 20, 50] {
            let text = statement(kind, columns);
            let mut dml = Dml::default();
            for (unit, throughput) in [
                ("statements", Throughput::Elements(1)),
                ("bytes", Throughput::Bytes(u64::try_from(text.len()).expect("a length"))),
            ] {
                group.throughput(throughput);
                group.bench_function(BenchmarkId::new(format!("{kind}_{unit}"), columns), |b| {
                    b.iter(|| {
                        dml.parse(black_box(&text)).expect("a statement");
                        black_box(&dml);
                    });
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);

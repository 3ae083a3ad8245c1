//! Rows events to cells: how fast the reader is on a narrow and a wide table, and with NULLs.
//!
//! Events are of the size the server writes (`binlog_row_event_max_size`, 8 KiB) and are read again
//! and again from cache, so the numbers are a ceiling for this stage alone.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tailrace_codec::Cell;
use tailrace_codec::binlog::{
    EventType, JsonLimits, RowLimits, RowsEvent, recycle, write_json_text,
};

#[path = "sample/rows.rs"]
mod sample;

use sample::table;

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

//! The same work an exact number of times, for a count of instructions: `cargo xtask bench --instructions` runs it
//! under callgrind. Arguments are the name of a work and how often it is done; without any, names are printed.

#[path = "sample/cells.rs"]
mod cells;
#[path = "sample/rows.rs"]
mod rows;

use std::hint::black_box;
use std::process::ExitCode;

use tailrace_codec::binlog::{EventType, RowLimits, RowsEvent, recycle};
use tailrace_codec::encode::{Format, RowEncoder};
use tailrace_codec::{Cell, TableSchema};

/// Columns of a narrow and a wide table.
const COLUMNS: [usize; 2] = [4, 40];

/// Reads at least so many rows of events; gives how many it were.
fn decode(columns: usize, count: usize) -> usize {
    let (plan, body, _) = rows::table(columns, 0);
    let mut scratch = Vec::new();
    let (mut kept_before, mut kept_after): (Vec<Cell<'static>>, _) = (Vec::new(), Vec::new());
    let mut done = 0;
    while done < count {
        let event = RowsEvent::parse(EventType::WRITE_ROWS, &body, 10).expect("an event");
        let limits = RowLimits::default();
        let mut rows = event.rows(&plan, &mut scratch, limits).expect("rows");
        let mut before = std::mem::take(&mut kept_before);
        let mut after = std::mem::take(&mut kept_after);
        while done < count && rows.next_row(&mut before, &mut after).expect("a row") {
            black_box(&after);
            done += 1;
        }
        kept_before = recycle(before);
        kept_after = recycle(after);
    }
    done
}

/// Writes messages of inserted rows.
fn encode(columns: usize, count: usize) -> usize {
    let (columns, cells): (Vec<_>, Vec<_>) = (0..columns).map(cells::column).unzip();
    let schema = TableSchema {
        database: "shop".into(),
        table: "orders".into(),
        columns,
        primary_key: vec![0],
    };
    let encoder = RowEncoder::compile(&schema, Format::Json).expect("an encoder");
    let mut out = Vec::new();
    for _ in 0..count {
        out.clear();
        encoder.encode_insert(&mut out, &cells::META, black_box(&cells)).expect("a message");
    }
    count
}

fn main() -> ExitCode {
    // `cargo bench` gives arguments of its own.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let [name, count] = arguments.as_slice() else {
        for columns in COLUMNS {
            println!("decode-{columns}\nencode-{columns}");
        }
        return ExitCode::SUCCESS;
    };
    let Ok(count) = count.parse() else { return ExitCode::FAILURE };
    for columns in COLUMNS {
        if *name == format!("decode-{columns}") {
            black_box(decode(columns, count));
            return ExitCode::SUCCESS;
        }
        if *name == format!("encode-{columns}") {
            black_box(encode(columns, count));
            return ExitCode::SUCCESS;
        }
    }
    ExitCode::FAILURE
}

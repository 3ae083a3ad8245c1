//! Cells of the common types, and a message's head.

use tailrace_codec::cell::{CivilDate, CivilDateTime, Decimal};
use tailrace_codec::encode::RowMeta;
use tailrace_codec::{Cell, Column, ColumnType};

pub(crate) const META: RowMeta =
    RowMeta { id: 1_000_000, es_ms: 1_700_000_000_000, ts_ms: 1_700_000_000_350 };

pub(crate) fn column(index: usize) -> (Column, Cell<'static>) {
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

//! The decoders of all character sets, built from the tables at first use.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::decoder::{Decoder, Form};
use super::multi_byte::{Grid, Runs};
use super::single_byte::SingleByte;

/// Bytes of a record of `single_byte.bin`: the name, padded, then 256 code points.
const SINGLE_RECORD_BYTES: usize = SINGLE_NAME_BYTES + 512;
const SINGLE_NAME_BYTES: usize = 16;

static DECODERS: LazyLock<BTreeMap<&'static str, Decoder>> = LazyLock::new(|| {
    let decoders = single_bytes().chain(multi_bytes()).chain(unicode());
    decoders.map(|(name, form)| (name, Decoder::new(name, form))).collect()
});

/// The decoder of a character set, by its name in lower case.
pub(super) fn find(name: &str) -> Option<&'static Decoder> {
    DECODERS.get(name)
}

fn single_bytes() -> impl Iterator<Item = (&'static str, Form)> {
    let file: &'static [u8] = include_bytes!("tables/single_byte.bin");
    file.as_chunks::<SINGLE_RECORD_BYTES>().0.iter().filter_map(|record| {
        let (name, codes) = record.split_at_checked(SINGLE_NAME_BYTES)?;
        let name = std::str::from_utf8(name).ok()?.trim_end_matches('\0');
        let codes = codes.as_chunks().0.iter().map(|code| u16::from_le_bytes(*code));
        Some((name, Form::SingleByte(SingleByte::new(codes))))
    })
}

fn multi_bytes() -> impl Iterator<Item = (&'static str, Form)> {
    [
        ("big5", Form::Pair(Grid::new(include_bytes!("tables/big5.bin")))),
        ("euckr", Form::Pair(Grid::new(include_bytes!("tables/euckr.bin")))),
        ("gbk", Form::Pair(Grid::new(include_bytes!("tables/gbk.bin")))),
        ("gb2312", Form::PairOfSevenBits(Grid::new(include_bytes!("tables/gb2312.bin")))),
        ("sjis", Form::ShiftJis(Grid::new(include_bytes!("tables/sjis.bin")))),
        ("cp932", Form::ShiftJis(Grid::new(include_bytes!("tables/cp932.bin")))),
        (
            "ujis",
            Form::EucJp {
                grid: Grid::new(include_bytes!("tables/ujis.bin")),
                plane_8f: Grid::new(include_bytes!("tables/ujis_8f.bin")),
            },
        ),
        (
            "eucjpms",
            Form::EucJp {
                grid: Grid::new(include_bytes!("tables/eucjpms.bin")),
                plane_8f: Grid::new(include_bytes!("tables/eucjpms_8f.bin")),
            },
        ),
        (
            "gb18030",
            Form::Gb18030 {
                grid: Grid::new(include_bytes!("tables/gb18030.bin")),
                runs: Runs::new(include_bytes!("tables/gb18030_runs.bin")),
            },
        ),
    ]
    .into_iter()
}

fn unicode() -> impl Iterator<Item = (&'static str, Form)> {
    [
        ("utf8mb3", Form::Utf8Mb3),
        ("utf8mb4", Form::Utf8Mb4),
        ("ucs2", Form::Ucs2),
        ("utf16", Form::Utf16),
        ("utf16le", Form::Utf16Le),
        ("utf32", Form::Utf32),
    ]
    .into_iter()
}

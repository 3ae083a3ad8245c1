//! East Asian character sets of two to four bytes per character. ASCII is never seen here.

use super::step::Step;

/// Code points of two-byte sequences, by lead and trail byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    leads: (u8, u8),
    trails: (u8, u8),
    /// Two bytes per cell, little-endian; 0 is no character.
    cells: &'static [u8],
}

impl Grid {
    /// Reads a table file: four bytes of bounds, then the cells.
    pub(super) fn new(file: &'static [u8]) -> Self {
        let ([lead_min, lead_max, trail_min, trail_max], cells) =
            file.split_first_chunk().unwrap_or((&[1, 0, 1, 0], &[]));
        Self { leads: (*lead_min, *lead_max), trails: (*trail_min, *trail_max), cells }
    }

    fn get(&self, lead: u8, trail: u8) -> Option<u16> {
        let (trail_min, trail_max) = self.trails;
        if lead > self.leads.1 || trail > trail_max {
            return None;
        }
        let row = usize::from(lead.checked_sub(self.leads.0)?);
        let column = usize::from(trail.checked_sub(trail_min)?);
        let width = usize::from(trail_max.saturating_sub(trail_min)).saturating_add(1);
        let at = row.saturating_mul(width).saturating_add(column).saturating_mul(2);
        let (cell, _) = self.cells.get(at..)?.split_first_chunk()?;
        Some(u16::from_le_bytes(*cell)).filter(|code| *code != 0)
    }
}

/// Runs of consecutive four-byte sequences with consecutive code points.
#[derive(Debug, Clone)]
pub(super) struct Runs {
    /// First linear index, length, first code point; ascending.
    list: Vec<[u16; 3]>,
}

impl Runs {
    /// Reads a table file: three little-endian numbers per run.
    pub(super) fn new(file: &'static [u8]) -> Self {
        let runs = file.as_chunks::<6>().0.iter();
        let list =
            runs.map(|[a, b, c, d, e, f]| [[*a, *b], [*c, *d], [*e, *f]].map(u16::from_le_bytes));
        Self { list: list.collect() }
    }

    fn get(&self, index: u16) -> Option<u16> {
        let behind = self.list.partition_point(|[start, ..]| *start <= index);
        let [start, length, first] = self.list.get(behind.checked_sub(1)?)?;
        let inside = index.checked_sub(*start).filter(|inside| inside < length)?;
        first.checked_add(inside)
    }
}

/// big5, euckr, gbk: any two bytes are a pair, whether it means something or not.
pub(super) fn pair(grid: &Grid, bytes: &[u8]) -> Step {
    match bytes {
        [lead, trail, ..] => Step::mapped(grid.get(*lead, *trail), 2),
        _ => Step::Incomplete,
    }
}

/// gb2312: as [`pair`], the highest bit of both bytes being of no account.
pub(super) fn pair_of_seven_bits(grid: &Grid, bytes: &[u8]) -> Step {
    match bytes {
        [lead, trail, ..] => Step::mapped(grid.get(lead | 0x80, trail | 0x80), 2),
        _ => Step::Incomplete,
    }
}

/// sjis, cp932: half-width katakana in one byte, else two bytes.
pub(super) fn shift_jis(grid: &Grid, bytes: &[u8]) -> Step {
    match bytes {
        [kana @ 0xA1..=0xDF, ..] => Step::mapped(Some(half_width_kana(*kana)), 1),
        [lead @ (0x81..=0x9F | 0xE0..=0xFC), trail @ (0x40..=0x7E | 0x80..=0xFC), ..] => {
            Step::mapped(grid.get(*lead, *trail), 2)
        }
        [_, _, ..] => Step::Bad(1),
        _ => Step::Incomplete,
    }
}

/// ujis, eucjpms: two bytes, half-width katakana behind 0x8E, a plane of three bytes behind 0x8F.
pub(super) fn euc_jp(grid: &Grid, plane_8f: &Grid, bytes: &[u8]) -> Step {
    match bytes {
        [0x8E] | [0x8F] | [0x8F, _] | [0xA1..=0xFE] => Step::Incomplete,
        [0x8F, second @ 0xA1..=0xFE, third @ 0xA1..=0xFE, ..] => {
            Step::mapped(plane_8f.get(*second, *third), 3)
        }
        // Ill-formed, and still what the server takes for one ASCII character.
        [0x8F, 0, ascii @ 1..=0x7F, ..] => Step::Char(char::from(*ascii), 3),
        [lead @ 0x8E, trail @ 0xA1..=0xDF, ..] | [lead @ 0xA1..=0xFE, trail @ 0xA1..=0xFE, ..] => {
            Step::mapped(grid.get(*lead, *trail), 2)
        }
        _ => Step::Bad(1),
    }
}

/// gb18030: two bytes, or four with digits at the second and the last.
pub(super) fn gb18030(grid: &Grid, runs: &Runs, bytes: &[u8]) -> Step {
    match bytes {
        [a @ 0x81..=0xFE, b @ 0x30..=0x39, c @ 0x81..=0xFE, d @ 0x30..=0x39, ..] => {
            match gb18030_four(runs, [*a, *b, *c, *d]) {
                Some(character) => Step::Char(character, 4),
                None => Step::Bad(4),
            }
        }
        [lead @ 0x81..=0xFE, trail @ (0x40..=0x7E | 0x80..=0xFE), ..] => {
            Step::mapped(grid.get(*lead, *trail), 2)
        }
        [0x81..=0xFE] | [0x81..=0xFE, 0x30..=0x39] | [0x81..=0xFE, 0x30..=0x39, _] => {
            Step::Incomplete
        }
        _ => Step::Bad(1),
    }
}

/// Where the sequences of the supplementary planes begin, as a linear index (0x90308130).
const GB18030_SUPPLEMENTARY: u32 = 189_000;

/// The bytes are in range: they form a number of mixed base 126, 10, 126, 10.
fn gb18030_four(runs: &Runs, [a, b, c, d]: [u8; 4]) -> Option<char> {
    let digit = |byte: u8, first: u8| u32::from(byte.saturating_sub(first));
    let index = digit(a, 0x81)
        .saturating_mul(10)
        .saturating_add(digit(b, 0x30))
        .saturating_mul(126)
        .saturating_add(digit(c, 0x81))
        .saturating_mul(10)
        .saturating_add(digit(d, 0x30));
    if let Some(beyond) = index.checked_sub(GB18030_SUPPLEMENTARY) {
        return char::from_u32(beyond.saturating_add(0x1_0000));
    }
    let code = u16::try_from(index).ok().and_then(|index| runs.get(index))?;
    char::from_u32(code.into())
}

/// 0xA1..=0xDF are U+FF61..=U+FF9F.
fn half_width_kana(byte: u8) -> u16 {
    u16::from(byte).saturating_add(0xFF61 - 0xA1)
}

//! Text compared by its collation: what is known here, and what the server has to say.

use std::cmp::Ordering;
use std::sync::Arc;

use super::like;
use super::tree::Comparison;

/// The printable ASCII characters, ` ` to `~`.
pub(super) const PRINTABLE: std::ops::RangeInclusive<u8> = b' '..=b'~';
const PRINTABLE_COUNT: usize = 95;

/// How the texts of a collation compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextOrder {
    /// By their bytes.
    Bytes {
        /// The shorter one is filled up with spaces (`PAD SPACE`).
        pad: bool,
    },
    /// Printable ASCII as given; all else is asked.
    Ascii(Arc<AsciiOrder>),
    /// Everything is asked.
    Asked,
}

/// The order of printable ASCII in a collation in which each such character counts alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsciiOrder {
    /// By character from ` ` on: equal ranks are equal characters.
    ranks: [u8; PRINTABLE_COUNT],
    /// The shorter text is filled up with spaces (`PAD SPACE`).
    pad: bool,
}

impl AsciiOrder {
    /// From the sort keys of the 95 characters ` ` to `~`, and of all pairs of them in order (`  `, ` !`, …, `~~`); `None`
    /// if the keys do not show that texts compare character by character: a key is empty, they are not equally long, or
    /// that of a pair is not those of its two.
    pub fn of_keys(singles: &[Vec<u8>], pairs: &[Vec<u8>], pad: bool) -> Option<Self> {
        let length = singles.first().map(Vec::len).filter(|length| *length > 0)?;
        let complete = singles.len() == PRINTABLE_COUNT
            && pairs.len() == PRINTABLE_COUNT.saturating_mul(PRINTABLE_COUNT);
        if !complete || singles.iter().any(|key| key.len() != length) {
            return None;
        }
        let all = singles.iter().flat_map(|left| singles.iter().map(move |right| (left, right)));
        if all.zip(pairs).any(|((left, right), pair)| !pair.iter().eq(left.iter().chain(right))) {
            return None;
        }
        let mut sorted: Vec<&Vec<u8>> = singles.iter().collect();
        sorted.sort();
        sorted.dedup();
        let mut ranks = [0; PRINTABLE_COUNT];
        for (rank, key) in ranks.iter_mut().zip(singles) {
            *rank = sorted.binary_search(&key).ok().and_then(|at| u8::try_from(at).ok())?;
        }
        Some(Self { ranks, pad })
    }

    /// The rank of a character; `None` beyond printable ASCII.
    pub(super) fn rank(&self, byte: u8) -> Option<u8> {
        self.ranks.get(usize::from(byte.checked_sub(*PRINTABLE.start())?)).copied()
    }

    /// How two texts compare; `None` if one of them has other characters.
    fn compare(&self, left: &[u8], right: &[u8]) -> Option<Ordering> {
        let space = self.rank(b' ')?;
        // All of both must be known, not only what decides.
        let known = |text: &[u8]| text.iter().all(|byte| PRINTABLE.contains(byte));
        if !known(left) || !known(right) {
            return None;
        }
        let ranks = |byte: &u8| self.rank(*byte).unwrap_or_default();
        let (left, right) = (left.iter().map(ranks), right.iter().map(ranks));
        Some(if self.pad { padded(left, right, space) } else { left.cmp(right) })
    }
}

/// Lexicographic, the shorter one filled up.
fn padded(
    mut left: impl Iterator<Item = u8>,
    mut right: impl Iterator<Item = u8>,
    space: u8,
) -> Ordering {
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (left, right) => left.unwrap_or(space).cmp(&right.unwrap_or(space)),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// What a text is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTest {
    pub(super) kind: TextTestKind,
    /// The constant in SQL.
    pub(super) sql: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextTestKind {
    Compare(Comparison, Vec<u8>),
    Like(like::Pattern),
}

impl TextTest {
    /// The test in SQL behind a value: `= 'x'`, `LIKE 'x%' ESCAPE '|'`.
    pub fn to_sql(&self) -> &str {
        &self.sql
    }

    /// The outcome for a text that is not NULL; `None` if the server has to be asked.
    pub(super) fn outcome(&self, order: &TextOrder, text: &[u8]) -> Option<bool> {
        match (&self.kind, order) {
            (_, TextOrder::Asked) => None,
            (TextTestKind::Compare(comparison, constant), TextOrder::Bytes { pad }) => {
                let (left, right) = (text.iter().copied(), constant.iter().copied());
                let order = if *pad { padded(left, right, b' ') } else { left.cmp(right) };
                Some(comparison.holds(order))
            }
            (TextTestKind::Compare(comparison, constant), TextOrder::Ascii(order)) => {
                order.compare(text, constant).map(|order| comparison.holds(order))
            }
            (TextTestKind::Like(pattern), TextOrder::Ascii(order)) => {
                pattern.matches(text, |byte| order.rank(byte))
            }
            (TextTestKind::Like(pattern), TextOrder::Bytes { .. }) => {
                pattern.matches(text, |byte| PRINTABLE.contains(&byte).then_some(byte))
            }
        }
    }
}

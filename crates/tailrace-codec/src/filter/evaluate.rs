//! The truth of a filter for a row: true, false, or unknown where NULL makes it so.

use super::FilterError;
use super::bind::{BoundFilter, MomentTerm, NumberTerm, Test, TextColumn};
use super::number::{self, Number};
use super::render::hex;
use super::text::{TextOrder, TextTest};
use super::tree::Comparison;
use super::{moment, text::PRINTABLE};
use crate::cell::Cell;
use crate::charset::Decoder;
use crate::schema::CollationId;

/// Who knows what only the server can say.
pub trait Judge {
    /// Its error.
    type Error: From<FilterError>;

    /// How texts of a collation compare.
    ///
    /// # Errors
    /// Its own.
    fn order(&mut self, collation: CollationId) -> Result<TextOrder, Self::Error>;

    /// The outcome of a test.
    ///
    /// # Errors
    /// Its own.
    fn outcome(&mut self, question: &Question<'_>) -> Result<bool, Self::Error>;
}

/// A test of a text that the server has to decide.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// Collation of the column.
    pub collation: CollationId,
    /// The value.
    pub value: TextValue<'q>,
    /// The test.
    pub test: &'q TextTest,
}

/// A text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextValue<'q> {
    /// Bytes in the collation's character set.
    Native(&'q [u8]),
    /// UTF-8.
    Utf8(&'q [u8]),
}

impl TextValue<'_> {
    /// The value in SQL: bytes, or text of `utf8mb4`.
    pub fn to_sql(&self) -> String {
        match self {
            Self::Native(bytes) => format!("x'{}'", hex(bytes)),
            Self::Utf8(bytes) => format!("_utf8mb4 x'{}'", hex(bytes)),
        }
    }
}

/// Buffers that live longer than a row.
#[derive(Debug, Default)]
struct Scratch {
    left: Vec<u8>,
    right: Vec<u8>,
}

impl BoundFilter {
    /// Whether the row is one of the filter's: its condition is true, not false and not unknown.
    ///
    /// # Errors
    /// A cell that does not fit its column, and those of the judge.
    pub fn admits<J: Judge>(&self, row: &[Cell<'_>], judge: &mut J) -> Result<bool, J::Error> {
        let mut scratch = Scratch::default();
        Ok(truth(&self.test, row, &mut scratch, judge)? == Some(true))
    }
}

fn truth<J: Judge>(
    test: &Test,
    row: &[Cell<'_>],
    scratch: &mut Scratch,
    judge: &mut J,
) -> Result<Option<bool>, J::Error> {
    Ok(match test {
        Test::All(tests) => decided(tests, false, row, scratch, judge)?,
        Test::Any(tests) => decided(tests, true, row, scratch, judge)?,
        Test::Xor(left, right) => {
            let left = truth(left, row, scratch, judge)?;
            let right = truth(right, row, scratch, judge)?;
            left.zip(right).map(|(left, right)| left != right)
        }
        Test::Not(inner) => truth(inner, row, scratch, judge)?.map(|truth| !truth),
        Test::Is { test, truth: wanted, negated } => {
            Some((truth(test, row, scratch, judge)? == *wanted) != *negated)
        }
        Test::IsNull { ordinal, negated } => {
            Some((*cell::<J::Error>(row, *ordinal)? == Cell::Null) != *negated)
        }
        Test::Unknown => None,
        Test::Number { left, comparison, right } => {
            let left = number_of::<J::Error>(left, row, &mut scratch.left)?;
            let right = number_of::<J::Error>(right, row, &mut scratch.right)?;
            null_safe(*comparison, left.is_none(), right.is_none()).unwrap_or_else(|| {
                left.zip(right).and_then(|(left, right)| {
                    Test::held(*comparison, number::compare(&left, &right))
                })
            })
        }
        Test::Moment { left, comparison, right } => {
            let left = moment_of::<J::Error>(*left, row)?;
            let right = moment_of::<J::Error>(*right, row)?;
            null_safe(*comparison, left.is_none(), right.is_none()).unwrap_or_else(|| {
                left.zip(right).map(|(left, right)| comparison.holds(left.cmp(&right)))
            })
        }
        Test::Text { column, test, null_safe } => {
            let value = cell::<J::Error>(row, column.ordinal)?;
            match text_of::<J::Error>(column, value, &mut scratch.left)? {
                Some(value) => Some(text_truth(column, test, value, judge)?),
                None if *null_safe => Some(false),
                None => None,
            }
        }
    })
}

/// `AND` of tests, which one false decides, or `OR`, which one true decides.
fn decided<J: Judge>(
    tests: &[Test],
    by: bool,
    row: &[Cell<'_>],
    scratch: &mut Scratch,
    judge: &mut J,
) -> Result<Option<bool>, J::Error> {
    let mut outcome = Some(!by);
    for test in tests {
        match truth(test, row, scratch, judge)? {
            Some(truth) if truth == by => return Ok(Some(by)),
            Some(_) => {}
            None => outcome = None,
        }
    }
    Ok(outcome)
}

/// What `<=>` says where a side is NULL.
fn null_safe(comparison: Comparison, left: bool, right: bool) -> Option<Option<bool>> {
    let decided = comparison == Comparison::NullSafeEqual && (left || right);
    decided.then_some(Some(left && right))
}

fn cell<'r, 'c, E: From<FilterError>>(
    row: &'r [Cell<'c>],
    ordinal: usize,
) -> Result<&'r Cell<'c>, E> {
    row.get(ordinal).ok_or_else(|| {
        let text = format!("a row has {} values, the filter needs number {ordinal}", row.len());
        FilterError(text).into()
    })
}

fn number_of<'a, E: From<FilterError>>(
    term: &'a NumberTerm,
    row: &[Cell<'_>],
    scratch: &'a mut Vec<u8>,
) -> Result<Option<Number<'a>>, E> {
    match term {
        NumberTerm::Column(ordinal) => Ok(number::of_cell(cell::<E>(row, *ordinal)?, scratch)?),
        NumberTerm::Remainder(ordinal, divisor) => {
            let value = number::of_cell(cell::<E>(row, *ordinal)?, scratch)?;
            Ok(value.map(|value| match value {
                Number::Integer(value) => {
                    Number::Integer(value.checked_rem((*divisor).into()).unwrap_or_default())
                }
                other => other,
            }))
        }
        constant => Ok(constant.constant()),
    }
}

fn moment_of<E: From<FilterError>>(term: MomentTerm, row: &[Cell<'_>]) -> Result<Option<i64>, E> {
    match term {
        MomentTerm::Constant(moment) => Ok(Some(moment)),
        MomentTerm::Column(ordinal) => match cell::<E>(row, ordinal)? {
            Cell::Null => Ok(None),
            value => match moment::of_cell(value) {
                Some(moment) => Ok(Some(moment)),
                None => Err(FilterError(format!("{value:?} is not a date or time")).into()),
            },
        },
    }
}

/// The text of a cell; `None` for NULL. `scratch` takes the members of a SET.
fn text_of<'v, E: From<FilterError>>(
    column: &'v TextColumn,
    cell: &Cell<'v>,
    scratch: &'v mut Vec<u8>,
) -> Result<Option<TextValue<'v>>, E> {
    Ok(Some(match *cell {
        Cell::Null => return Ok(None),
        Cell::Text(bytes) | Cell::Binary(bytes) => TextValue::Native(bytes),
        Cell::Utf8(bytes) => TextValue::Utf8(bytes),
        // 0 is the empty text of a value that was not one of the members.
        Cell::Enum(0) => TextValue::Utf8(b""),
        Cell::Enum(number) => {
            let member = column.members.get(usize::from(number).saturating_sub(1));
            let unknown = || FilterError(format!("member {number} of an ENUM is not known"));
            TextValue::Utf8(member.ok_or_else(unknown)?.as_bytes())
        }
        Cell::Set(bits) => {
            scratch.clear();
            for (bit, member) in column.members.iter().enumerate().take(64) {
                if bits.checked_shr(bit as u32).unwrap_or_default() & 1 == 1 {
                    if !scratch.is_empty() {
                        scratch.push(b',');
                    }
                    scratch.extend_from_slice(member.as_bytes());
                }
            }
            TextValue::Utf8(scratch)
        }
        ref other => return Err(FilterError(format!("{other:?} is not text")).into()),
    }))
}

fn text_truth<J: Judge>(
    column: &TextColumn,
    test: &TextTest,
    value: TextValue<'_>,
    judge: &mut J,
) -> Result<bool, J::Error> {
    let here = match (value, &column.order) {
        (TextValue::Native(bytes) | TextValue::Utf8(bytes), TextOrder::Bytes { .. }) => Some(bytes),
        (TextValue::Utf8(text), _) => Some(text),
        (TextValue::Native(bytes), _) => printable(column.collation, bytes),
    };
    if let Some(outcome) = here.and_then(|text| test.outcome(&column.order, text)) {
        return Ok(outcome);
    }
    judge.outcome(&Question { collation: column.collation, value, test })
}

/// The same bytes, if they are printable ASCII in the collation's character set.
fn printable(collation: CollationId, bytes: &[u8]) -> Option<&[u8]> {
    if !bytes.iter().all(|byte| PRINTABLE.contains(byte)) {
        return None;
    }
    let text = Decoder::for_collation(collation).ok()?.pass_through(bytes)?;
    Some(text.as_bytes())
}

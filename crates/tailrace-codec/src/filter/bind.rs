//! A filter and a table version: columns by ordinal, constants in the type they are compared in.

use std::cmp::Ordering;
use std::sync::Arc;

use super::evaluate::Judge;
use super::like::Pattern;
use super::number::Number;
use super::text::{TextOrder, TextTest, TextTestKind};
use super::tree::{Comparison, Condition, Constant, Operand};
use super::{Filter, FilterError, moment, render};
use crate::schema::{CollationId, Column, ColumnType, TableSchema};

/// Whole numbers below this one are the same as DOUBLE.
const EXACT_IN_DOUBLE: u64 = 1 << 53;

/// Digits that DOUBLE always keeps.
const DOUBLE_DIGITS: usize = 15;

/// A filter for rows of one table version.
#[derive(Debug, Clone)]
pub struct BoundFilter {
    pub(super) test: Test,
}

/// A condition over ordinals. `IN` and `BETWEEN` are what they stand for.
#[derive(Debug, Clone)]
pub(super) enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Xor(Box<Test>, Box<Test>),
    Not(Box<Test>),
    Is {
        test: Box<Test>,
        truth: Option<bool>,
        negated: bool,
    },
    IsNull {
        ordinal: usize,
        negated: bool,
    },
    /// Always NULL.
    Unknown,
    Number {
        left: NumberTerm,
        comparison: Comparison,
        right: NumberTerm,
    },
    Moment {
        left: MomentTerm,
        comparison: Comparison,
        right: MomentTerm,
    },
    Text {
        column: Arc<TextColumn>,
        test: Arc<TextTest>,
        null_safe: bool,
    },
}

#[derive(Debug, Clone)]
pub(super) enum NumberTerm {
    Column(usize),
    Remainder(usize, i64),
    Integer(i128),
    Decimal(String),
    Real(f64),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum MomentTerm {
    Column(usize),
    Constant(i64),
}

/// A column of text and how its values compare.
#[derive(Debug, Clone)]
pub(super) struct TextColumn {
    pub(super) ordinal: usize,
    pub(super) collation: CollationId,
    pub(super) order: TextOrder,
    /// Of ENUM and SET.
    pub(super) members: Arc<[String]>,
}

/// What a column's values are to a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Whole,
    Year,
    Decimal,
    Real,
    /// DATE, DATETIME, TIMESTAMP.
    Date,
    Time,
    Text,
}

impl Filter {
    /// Binds the filter to a table version.
    ///
    /// # Errors
    /// A column that the table does not have or whose type is not offered, and a constant that does not fit its column;
    /// those of the judge, which is asked how collations compare.
    pub fn bind<J: Judge>(
        &self,
        schema: &TableSchema,
        judge: &mut J,
    ) -> Result<BoundFilter, J::Error> {
        let mut binder = Binder { schema, judge };
        Ok(BoundFilter { test: binder.condition(&self.tree)? })
    }
}

struct Binder<'b, J> {
    schema: &'b TableSchema,
    judge: &'b mut J,
}

impl<J: Judge> Binder<'_, J> {
    fn condition(&mut self, condition: &Condition) -> Result<Test, J::Error> {
        Ok(match condition {
            Condition::And(left, right) => {
                Test::All(vec![self.condition(left)?, self.condition(right)?])
            }
            Condition::Or(left, right) => {
                Test::Any(vec![self.condition(left)?, self.condition(right)?])
            }
            Condition::Xor(left, right) => {
                Test::Xor(Box::new(self.condition(left)?), Box::new(self.condition(right)?))
            }
            Condition::Not(inner) => Test::Not(Box::new(self.condition(inner)?)),
            Condition::Is { condition, truth, negated } => Test::Is {
                test: Box::new(self.condition(condition)?),
                truth: *truth,
                negated: *negated,
            },
            Condition::Truth(operand) => {
                self.compare(operand, Comparison::NotEqual, &Operand::Constant(zero()))?
            }
            Condition::IsNull { operand, negated } => {
                let (Operand::Column(name) | Operand::Remainder(name, _)) = operand else {
                    return refuse("IS NULL is offered for columns only".into());
                };
                Test::IsNull { ordinal: self.column(name)?.0, negated: *negated }
            }
            Condition::Compare { left, comparison, right } => {
                self.compare(left, *comparison, right)?
            }
            Condition::In { operand, list, negated } => {
                self.same_kind(list)?;
                self.same_sign(operand, list)?;
                let mut equal = Vec::with_capacity(list.len());
                for constant in list {
                    let constant = Operand::Constant(constant.clone());
                    equal.push(self.compare(operand, Comparison::Equal, &constant)?);
                }
                negated_if(*negated, Test::Any(equal))
            }
            Condition::Between { operand, low, high, negated } => {
                self.same_kind(&[low.clone(), high.clone()])?;
                let low = Operand::Constant(low.clone());
                let high = Operand::Constant(high.clone());
                let above = self.compare(operand, Comparison::GreaterOrEqual, &low)?;
                let below = self.compare(operand, Comparison::LessOrEqual, &high)?;
                negated_if(*negated, Test::All(vec![above, below]))
            }
            Condition::Like { column, pattern, escape, negated } => {
                let (ordinal, found, class) = self.column(column)?;
                if class != Class::Text {
                    return refuse(format!(
                        "LIKE is offered for text; `{column}` is {}",
                        found.type_name
                    ));
                }
                let sql = format!(
                    "LIKE {} ESCAPE {}",
                    render::text(pattern),
                    render::text(&escape.to_string())
                );
                let kind = TextTestKind::Like(Pattern::new(pattern, *escape));
                negated_if(*negated, self.text(ordinal, TextTest { kind, sql }, false)?)
            }
        })
    }

    /// The constants of a list decide together in which type they are compared.
    fn same_kind(&self, constants: &[Constant]) -> Result<(), J::Error> {
        let mut kinds = constants.iter().filter(|constant| **constant != Constant::Null);
        let first = kinds.next().map(std::mem::discriminant);
        if kinds.any(|other| Some(std::mem::discriminant(other)) != first) {
            return refuse("constants of one list or range are all numbers, or all text".into());
        }
        Ok(())
    }

    /// In a list with a fraction MySQL reads whole numbers with the sign that the column has: of an unsigned BIGINT
    /// that holds 18446744073709551615, `IN (-1, 0.5)` is true there (9.7). A filter that needs them is refused.
    fn same_sign(&self, operand: &Operand, list: &[Constant]) -> Result<(), J::Error> {
        let (Operand::Column(name) | Operand::Remainder(name, _)) = operand else {
            return Ok(());
        };
        let (_, column, class) = self.column(name)?;
        let fraction = |c: &Constant| matches!(c, Constant::Number(digits) if digits.contains('.'));
        if class != Class::Whole || !list.iter().any(fraction) {
            return Ok(());
        }
        let range = if is_unsigned(&column.kind) {
            0..=i128::from(u64::MAX)
        } else {
            i128::from(i64::MIN)..=i128::from(i64::MAX)
        };
        for constant in list {
            // What is beyond 64 bits is no whole number to MySQL either.
            if let Constant::Number(digits) = constant
                && let Ok(whole) = digits.parse::<i128>()
                && (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&whole)
                && !range.contains(&whole)
            {
                return refuse(format!(
                    "a list with fractions holds {whole}, which `{name}`, {}, cannot be; write it as a comparison of its own",
                    column.type_name
                ));
            }
        }
        Ok(())
    }

    fn column(&self, name: &str) -> Result<(usize, &Column, Class), J::Error> {
        let same = |column: &&Column| {
            column.name.eq_ignore_ascii_case(name)
                || column.name.to_lowercase() == name.to_lowercase()
        };
        let Some(column) = self.schema.columns.iter().find(same) else {
            return refuse(format!("{} has no column `{name}`", self.schema.full_name()));
        };
        let ordinal = self.schema.columns.iter().position(|other| std::ptr::eq(other, column));
        match class_of(&column.kind) {
            Some(class) => Ok((ordinal.unwrap_or_default(), column, class)),
            None => refuse(format!(
                "`{name}` is {}, which is not offered in a filter: large objects, JSON, geometries, vectors and addresses are not",
                column.type_name
            )),
        }
    }

    fn compare(
        &mut self,
        left: &Operand,
        comparison: Comparison,
        right: &Operand,
    ) -> Result<Test, J::Error> {
        match (left, right) {
            (Operand::Constant(_), Operand::Constant(_)) => {
                refuse("two constants are compared; one side must be a column".into())
            }
            (Operand::Constant(constant), column) => {
                self.with_constant(column, comparison.turned(), constant)
            }
            (column, Operand::Constant(constant)) => {
                self.with_constant(column, comparison, constant)
            }
            (left, right) => self.two_columns(left, comparison, right),
        }
    }

    fn two_columns(
        &mut self,
        left: &Operand,
        comparison: Comparison,
        right: &Operand,
    ) -> Result<Test, J::Error> {
        let ((a, of_left), (b, of_right)) = (self.term(left)?, self.term(right)?);
        let numbers = |class| matches!(class, Class::Whole | Class::Decimal | Class::Real);
        if numbers(of_left) && numbers(of_right) {
            return Ok(Test::Number { left: a, comparison, right: b });
        }
        let moments = |class| matches!(class, Class::Date | Class::Time);
        if let (NumberTerm::Column(left), NumberTerm::Column(right)) = (&a, &b)
            && of_left == of_right
            && moments(of_left)
        {
            let (left, right) = (MomentTerm::Column(*left), MomentTerm::Column(*right));
            return Ok(Test::Moment { left, comparison, right });
        }
        refuse("two columns can be compared if both are numbers, or both are moments of one kind; text can be compared with constants".into())
    }

    /// A side that is not a constant.
    fn term(&self, operand: &Operand) -> Result<(NumberTerm, Class), J::Error> {
        match operand {
            Operand::Column(name) => {
                let (ordinal, _, class) = self.column(name)?;
                Ok((NumberTerm::Column(ordinal), class))
            }
            Operand::Remainder(name, divisor) => {
                let (ordinal, column, class) = self.column(name)?;
                if class != Class::Whole {
                    return refuse(format!(
                        "a remainder is offered for whole numbers; `{name}` is {}",
                        column.type_name
                    ));
                }
                Ok((NumberTerm::Remainder(ordinal, *divisor), class))
            }
            Operand::Constant(_) => refuse("a column is expected".into()),
        }
    }

    fn with_constant(
        &mut self,
        operand: &Operand,
        comparison: Comparison,
        constant: &Constant,
    ) -> Result<Test, J::Error> {
        let (term, class) = self.term(operand)?;
        let (NumberTerm::Column(ordinal) | NumberTerm::Remainder(ordinal, _)) = &term else {
            return refuse("a column is expected".into());
        };
        let ordinal = *ordinal;
        if *constant == Constant::Null {
            return Ok(match comparison {
                Comparison::NullSafeEqual => Test::IsNull { ordinal, negated: false },
                _ => Test::Unknown,
            });
        }
        let column = self.schema.columns.get(ordinal);
        let misfit = |wanted: &str| {
            let (name, kind) = column.map_or(("", ""), |c| (c.name.as_str(), c.type_name.as_str()));
            refuse(format!(
                "`{name}` is {kind} and compares with {wanted}; {} is not one",
                shown(constant)
            ))
        };
        match class {
            Class::Whole | Class::Decimal | Class::Real => match number(class, constant) {
                Some(right) => Ok(Test::Number { left: term, comparison, right }),
                None => misfit(
                    "a number without quotes, with up to 15 digits if it has a fraction, below 2^53 if it has an exponent",
                ),
            },
            Class::Year => match number(Class::Whole, constant) {
                // Others are read as years of two digits, or refused by modes.
                Some(right @ NumberTerm::Integer(1901..=2155)) => {
                    Ok(Test::Number { left: term, comparison, right })
                }
                _ => misfit("a year from 1901 to 2155"),
            },
            Class::Date | Class::Time => {
                let wanted = if class == Class::Time {
                    "a time in quotes, 'HH:MM:SS' with up to six digits of a fraction"
                } else {
                    "a date in quotes that the calendar has, 'YYYY-MM-DD' or 'YYYY-MM-DD HH:MM:SS' with up to six digits of a fraction"
                };
                let read = if class == Class::Time { moment::time } else { moment::datetime };
                let moment = match constant {
                    Constant::Text(text) => read(text),
                    _ => None,
                };
                match moment {
                    Some(moment) => Ok(Test::Moment {
                        left: MomentTerm::Column(ordinal),
                        comparison,
                        right: MomentTerm::Constant(moment),
                    }),
                    None => misfit(wanted),
                }
            }
            Class::Text => {
                let is_binary = column.is_some_and(|column| is_binary(&column.kind));
                let (bytes, sql) = match constant {
                    Constant::Text(text) if !is_binary || text.is_ascii() => {
                        (text.clone().into_bytes(), render::text(text))
                    }
                    Constant::Bytes(bytes) if is_binary => {
                        (bytes.clone(), format!("x'{}'", render::hex(bytes)))
                    }
                    _ if is_binary => return misfit("ASCII text in quotes, or bytes as x'…'"),
                    _ => return misfit("text in quotes"),
                };
                // Of values that are not NULL the two are the same.
                let null_safe = comparison == Comparison::NullSafeEqual;
                let asked = if null_safe { Comparison::Equal } else { comparison };
                let sql = format!("{} {sql}", asked.sql());
                let kind = TextTestKind::Compare(asked, bytes);
                self.text(ordinal, TextTest { kind, sql }, null_safe)
            }
        }
    }

    fn text(&mut self, ordinal: usize, test: TextTest, null_safe: bool) -> Result<Test, J::Error> {
        let Some(column) = self.schema.columns.get(ordinal) else { return Ok(Test::Unknown) };
        let order = match known_order(column) {
            Some(order) => order,
            None => self.judge.order(column.collation)?,
        };
        let members = match &column.kind {
            ColumnType::Enum(members) | ColumnType::Set(members) => Arc::clone(members),
            _ => Arc::from([]),
        };
        let column = TextColumn { ordinal, collation: column.collation, order, members };
        Ok(Test::Text { column: Arc::new(column), test: Arc::new(test), null_safe })
    }
}

fn refuse<T, E: From<FilterError>>(text: String) -> Result<T, E> {
    Err(FilterError(format!("the filter: {text}")).into())
}

fn zero() -> Constant {
    Constant::Number("0".into())
}

fn negated_if(negated: bool, test: Test) -> Test {
    if negated { Test::Not(Box::new(test)) } else { test }
}

fn shown(constant: &Constant) -> String {
    match constant {
        Constant::Null => "NULL".into(),
        Constant::Number(digits) => digits.clone(),
        Constant::Real(number) => format!("{number:e}"),
        Constant::Text(text) => format!("'{text}'"),
        Constant::Bytes(bytes) => format!("x'{}'", render::hex(bytes)),
    }
}

fn class_of(kind: &ColumnType) -> Option<Class> {
    Some(match kind {
        ColumnType::TinyInt { .. }
        | ColumnType::SmallInt { .. }
        | ColumnType::MediumInt { .. }
        | ColumnType::Int { .. }
        | ColumnType::BigInt { .. }
        | ColumnType::Bit { .. } => Class::Whole,
        ColumnType::Year => Class::Year,
        ColumnType::Decimal { .. } => Class::Decimal,
        ColumnType::Float | ColumnType::Double => Class::Real,
        ColumnType::Date | ColumnType::DateTime(_) | ColumnType::Timestamp(_) => Class::Date,
        ColumnType::Time(_) => Class::Time,
        ColumnType::Char
        | ColumnType::VarChar
        | ColumnType::Enum(_)
        | ColumnType::Set(_)
        | ColumnType::Binary { .. }
        | ColumnType::VarBinary => Class::Text,
        ColumnType::Text
        | ColumnType::Blob
        | ColumnType::Json
        | ColumnType::Geometry
        | ColumnType::Vector
        | ColumnType::Uuid
        | ColumnType::Inet4
        | ColumnType::Inet6 => return None,
    })
}

fn is_binary(kind: &ColumnType) -> bool {
    matches!(kind, ColumnType::Binary { .. } | ColumnType::VarBinary)
}

/// Collations whose texts compare by their bytes: `utf8mb4_bin`, `utf8mb3_bin`, `ascii_bin` (which pad) and
/// `utf8mb4_0900_bin`, `binary` (which do not).
fn known_order(column: &Column) -> Option<TextOrder> {
    match column.collation {
        46 | 83 | 65 => Some(TextOrder::Bytes { pad: true }),
        309 | 63 => Some(TextOrder::Bytes { pad: false }),
        _ => None,
    }
}

/// Whether a whole number's column has no negative values.
fn is_unsigned(kind: &ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::TinyInt { unsigned: true }
            | ColumnType::SmallInt { unsigned: true }
            | ColumnType::MediumInt { unsigned: true }
            | ColumnType::Int { unsigned: true }
            | ColumnType::BigInt { unsigned: true }
            | ColumnType::Bit { .. }
    )
}

/// A constant as a number; text only where it is a whole number for a column of these, and DOUBLE has it exactly.
fn number(class: Class, constant: &Constant) -> Option<NumberTerm> {
    match constant {
        Constant::Number(digits) => match digits.parse() {
            Ok(whole) => Some(NumberTerm::Integer(whole)),
            // Longer fractions are rounded before they are compared, in lists and not elsewhere.
            Err(_) if class == Class::Whole && is_long_fraction(digits) => None,
            Err(_) => Some(NumberTerm::Decimal(digits.clone())),
        },
        // Greater ones are rounded or not by the type of the column and how the server was built.
        Constant::Real(number) if class == Class::Whole => {
            (number.abs() < EXACT_IN_DOUBLE as f64).then_some(NumberTerm::Real(*number))
        }
        Constant::Real(number) => Some(NumberTerm::Real(*number)),
        Constant::Text(text) if class == Class::Whole => {
            let whole: i64 = text.parse().ok().filter(|_| !text.starts_with('+'))?;
            (whole.unsigned_abs() < EXACT_IN_DOUBLE).then_some(NumberTerm::Integer(whole.into()))
        }
        _ => None,
    }
}

/// Whether a number has a fraction that DOUBLE does not tell from others.
fn is_long_fraction(digits: &str) -> bool {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches(['-', '0']), fraction.trim_end_matches('0'));
    !fraction.is_empty() && whole.len().saturating_add(fraction.len()) > DOUBLE_DIGITS
}

impl NumberTerm {
    /// The number of a constant.
    pub(super) fn constant(&self) -> Option<Number<'_>> {
        match self {
            Self::Integer(value) => Some(Number::Integer(*value)),
            Self::Decimal(digits) => Some(Number::Decimal(digits)),
            Self::Real(value) => Some(Number::Real(*value)),
            Self::Column(_) | Self::Remainder(..) => None,
        }
    }
}

impl Test {
    /// The truth of a comparison of two values that are not NULL.
    pub(super) fn held(comparison: Comparison, order: Option<Ordering>) -> Option<bool> {
        order.map(|order| comparison.holds(order))
    }
}

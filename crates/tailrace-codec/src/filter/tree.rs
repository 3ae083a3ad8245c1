//! A filter as it was read.

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Xor(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    /// `… IS [NOT] TRUE | FALSE | UNKNOWN`
    Is {
        condition: Box<Condition>,
        truth: Option<bool>,
        negated: bool,
    },
    /// A column of numbers by itself: whether it is not 0.
    Truth(Operand),
    IsNull {
        operand: Operand,
        negated: bool,
    },
    Compare {
        left: Operand,
        comparison: Comparison,
        right: Operand,
    },
    In {
        operand: Operand,
        list: Vec<Constant>,
        negated: bool,
    },
    Between {
        operand: Operand,
        low: Constant,
        high: Constant,
        negated: bool,
    },
    Like {
        column: String,
        pattern: String,
        escape: char,
        negated: bool,
    },
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    /// `<=>`: NULL is equal to NULL.
    NullSafeEqual,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) const ALL: [Self; 7] = [
        Self::Equal,
        Self::NullSafeEqual,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
    ];

    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NullSafeEqual => "<=>",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// The same with its sides changed.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    /// Whether it holds for two values in this order.
    pub(super) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal | Self::NullSafeEqual => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// A side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Column(String),
    /// `column % divisor`, the divisor at least 1.
    Remainder(String, i64),
    Constant(Constant),
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Constant {
    Null,
    /// Digits with at most one point and a leading minus.
    Number(String),
    /// A number with an exponent, which is a DOUBLE to MySQL.
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Condition {
    /// Calls `see` with each column's name.
    pub(super) fn visit_columns<'t>(&'t self, see: &mut impl FnMut(&'t str)) {
        match self {
            Self::And(left, right) | Self::Or(left, right) | Self::Xor(left, right) => {
                left.visit_columns(see);
                right.visit_columns(see);
            }
            Self::Not(inner) | Self::Is { condition: inner, .. } => inner.visit_columns(see),
            Self::Compare { left, right, .. } => {
                left.visit_columns(see);
                right.visit_columns(see);
            }
            Self::Truth(operand)
            | Self::IsNull { operand, .. }
            | Self::In { operand, .. }
            | Self::Between { operand, .. } => operand.visit_columns(see),
            Self::Like { column, .. } => see(column),
        }
    }
}

impl Operand {
    fn visit_columns<'t>(&'t self, see: &mut impl FnMut(&'t str)) {
        match self {
            Self::Column(name) | Self::Remainder(name, _) => see(name),
            Self::Constant(_) => {}
        }
    }
}

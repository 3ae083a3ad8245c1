//! Reads a filter by MySQL's grammar: from `OR` down to constants, the tighter the later.

use super::FilterError;
use super::lexer::{Token, tokens};
use super::tree::{Comparison, Condition, Constant, Operand};

/// Brackets and `NOT`s within each other.
const DEPTH_MAX: usize = 64;

/// Words that cannot be a column's name without backquotes here.
const RESERVED: [&str; 21] = [
    "AND", "OR", "XOR", "NOT", "IS", "NULL", "TRUE", "FALSE", "UNKNOWN", "IN", "BETWEEN", "LIKE",
    "ESCAPE", "MOD", "DIV", "REGEXP", "RLIKE", "WHERE", "SELECT", "COLLATE", "BINARY",
];

pub(super) fn parse(text: &str) -> Result<Condition, FilterError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    if parser.peek() == &Token::End {
        return parser.refuse("it is empty");
    }
    if parser.is_word("WHERE") {
        return parser.refuse("write the condition without WHERE");
    }
    let condition = parser.or()?;
    match parser.peek() {
        Token::End => Ok(condition),
        _ => parser.unexpected("AND, OR or the end"),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Token {
        self.tokens.get(self.at.saturating_add(ahead)).map_or(&Token::End, |token| &token.1)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = self.at.saturating_add(1);
        token
    }

    fn refuse<T>(&self, text: impl std::fmt::Display) -> Result<T, FilterError> {
        let last = self.tokens.last();
        let place = self.tokens.get(self.at).or(last).map_or(0, |token| token.0);
        Err(FilterError::at(place, text))
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T, FilterError> {
        let seen = match self.peek() {
            Token::Word(word) => word.clone(),
            Token::Name(name) => format!("`{name}`"),
            Token::Text(_) => "text".to_owned(),
            Token::Bytes(_) => "a hexadecimal constant".to_owned(),
            Token::Number(number) => number.clone(),
            Token::Sign("||") => {
                return self.refuse("`||` means OR or a concatenation by mode; write OR");
            }
            Token::Sign(sign) => format!("`{sign}`"),
            Token::End => "the end".to_owned(),
        };
        self.refuse(format!("{seen} is not offered here; {wanted} is expected"))
    }

    fn is_word(&self, word: &str) -> bool {
        self.is_word_at(0, word)
    }

    fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        matches!(self.peek_at(ahead), Token::Word(seen) if seen.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.is_word(word);
        if is_it {
            self.at = self.at.saturating_add(1);
        }
        is_it
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Sign(seen) if *seen == sign);
        if is_it {
            self.at = self.at.saturating_add(1);
        }
        is_it
    }

    fn expect_sign(&mut self, sign: &str) -> Result<(), FilterError> {
        if self.take_sign(sign) { Ok(()) } else { self.unexpected(&format!("`{sign}`")) }
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, FilterError>,
    ) -> Result<T, FilterError> {
        if self.depth >= DEPTH_MAX {
            return self.refuse(format!("more than {DEPTH_MAX} conditions within each other"));
        }
        self.depth = self.depth.saturating_add(1);
        let outcome = read(self);
        self.depth = self.depth.saturating_sub(1);
        outcome
    }

    fn or(&mut self) -> Result<Condition, FilterError> {
        let mut left = self.xor()?;
        while self.take_word("OR") {
            left = Condition::Or(Box::new(left), Box::new(self.xor()?));
        }
        Ok(left)
    }

    fn xor(&mut self) -> Result<Condition, FilterError> {
        let mut left = self.and()?;
        while self.take_word("XOR") {
            left = Condition::Xor(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Condition, FilterError> {
        let mut left = self.not()?;
        while self.take_word("AND") || self.take_sign("&&") {
            left = Condition::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Condition, FilterError> {
        if self.take_word("NOT") {
            return self.deeper(|parser| parser.not().map(|c| Condition::Not(Box::new(c))));
        }
        let mut condition = self.predicate()?;
        while self.is_word("IS") {
            condition = self.is(condition)?;
        }
        Ok(condition)
    }

    /// `… IS …` behind a condition.
    fn is(&mut self, condition: Condition) -> Result<Condition, FilterError> {
        self.take_word("IS");
        let negated = self.take_word("NOT");
        let truth = match self.next() {
            Token::Word(word) if word.eq_ignore_ascii_case("TRUE") => Some(true),
            Token::Word(word) if word.eq_ignore_ascii_case("FALSE") => Some(false),
            Token::Word(word) if word.eq_ignore_ascii_case("UNKNOWN") => None,
            Token::Word(word) if word.eq_ignore_ascii_case("NULL") => None,
            _ => {
                self.at = self.at.saturating_sub(1);
                return self.unexpected("NULL, TRUE, FALSE or UNKNOWN");
            }
        };
        Ok(match (condition, truth) {
            // What a column by itself is asked for NULL is the column.
            (Condition::Truth(operand), None) => Condition::IsNull { operand, negated },
            (condition, truth) => Condition::Is { condition: Box::new(condition), truth, negated },
        })
    }

    fn predicate(&mut self) -> Result<Condition, FilterError> {
        if self.take_sign("(") {
            let inner = self.deeper(Self::or)?;
            self.expect_sign(")")?;
            return self.behind_brackets(inner);
        }
        let operand = self.operand()?;
        let negated = self.take_word("NOT");
        if self.take_word("IN") {
            return self.list(operand, negated);
        }
        if self.take_word("BETWEEN") {
            let low = self.constant()?;
            if !self.take_word("AND") {
                return self.unexpected("AND");
            }
            let high = self.constant()?;
            return Ok(Condition::Between { operand, low, high, negated });
        }
        if self.take_word("LIKE") {
            return self.like(operand, negated);
        }
        if negated {
            return self.unexpected("IN, BETWEEN or LIKE");
        }
        let Some(comparison) = self.comparison() else {
            return match operand {
                Operand::Constant(_) => self.unexpected("a comparison"),
                operand => Ok(Condition::Truth(operand)),
            };
        };
        let right = self.operand()?;
        if self.comparison().is_some() {
            self.at = self.at.saturating_sub(1);
            return self.refuse("a comparison cannot be compared; use AND and brackets");
        }
        Ok(Condition::Compare { left: operand, comparison, right })
    }

    /// A column in brackets is that column; a condition in brackets cannot be compared.
    fn behind_brackets(&self, inner: Condition) -> Result<Condition, FilterError> {
        match self.peek() {
            Token::Sign("=" | "<=>" | "<>" | "!=" | "<" | "<=" | ">" | ">=" | "%" | "+" | "-") => {
                self.refuse("what is in brackets here is a condition, which cannot be calculated with or compared")
            }
            Token::Word(word)
                if ["IN", "BETWEEN", "LIKE", "MOD", "NOT"]
                    .iter()
                    .any(|reserved| word.eq_ignore_ascii_case(reserved)) =>
            {
                self.refuse(format!("{word} needs a column before it, without brackets"))
            }
            _ => Ok(inner),
        }
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let Token::Sign(sign) = self.peek() else { return None };
        let sign = if *sign == "!=" { "<>" } else { sign };
        let comparison = Comparison::ALL.into_iter().find(|comparison| comparison.sql() == sign)?;
        self.at = self.at.saturating_add(1);
        Some(comparison)
    }

    fn list(&mut self, operand: Operand, negated: bool) -> Result<Condition, FilterError> {
        self.expect_sign("(")?;
        let mut list = vec![self.constant()?];
        while self.take_sign(",") {
            list.push(self.constant()?);
        }
        self.expect_sign(")")?;
        Ok(Condition::In { operand, list, negated })
    }

    fn like(&mut self, operand: Operand, negated: bool) -> Result<Condition, FilterError> {
        let Operand::Column(column) = operand else {
            return self.refuse("LIKE is offered for columns only");
        };
        let Token::Text(pattern) = self.peek().clone() else {
            return self.unexpected("a pattern in quotes");
        };
        self.next();
        let mut escape = '\\';
        if self.take_word("ESCAPE") {
            let Token::Text(text) = self.peek() else {
                return self.unexpected("one character in quotes");
            };
            let mut signs = text.chars();
            match (signs.next(), signs.next()) {
                (Some(sign), None) if sign.is_ascii() && !"%_".contains(sign) => escape = sign,
                _ => return self.refuse("ESCAPE takes one ASCII character that is not % or _"),
            }
            self.next();
        }
        Ok(Condition::Like { column, pattern, escape, negated })
    }

    fn operand(&mut self) -> Result<Operand, FilterError> {
        if self.is_word("MOD") && self.peek_at(1) == &Token::Sign("(") {
            self.at = self.at.saturating_add(2);
            let column = self.column()?;
            self.expect_sign(",")?;
            let divisor = self.divisor()?;
            self.expect_sign(")")?;
            return self.not_calculated(Operand::Remainder(column, divisor));
        }
        let is_column = match self.peek() {
            Token::Name(_) => true,
            Token::Word(word) => !["NULL", "TRUE", "FALSE"]
                .iter()
                .any(|constant| word.eq_ignore_ascii_case(constant)),
            _ => false,
        };
        if !is_column {
            return self.constant().map(Operand::Constant);
        }
        let column = self.column()?;
        if self.take_sign("%") || self.take_word("MOD") {
            let divisor = self.divisor()?;
            return self.not_calculated(Operand::Remainder(column, divisor));
        }
        self.not_calculated(Operand::Column(column))
    }

    fn not_calculated(&self, operand: Operand) -> Result<Operand, FilterError> {
        match self.peek() {
            Token::Sign(sign @ ("+" | "-" | "%" | ".")) => self.refuse(format!(
                "`{sign}` is not offered behind a column: a filter names columns of its table and does not calculate, but for `column % n`"
            )),
            Token::Sign("(") => self.refuse("functions are not offered, but for MOD(column, n)"),
            _ => Ok(operand),
        }
    }

    fn column(&mut self) -> Result<String, FilterError> {
        let name = match self.peek() {
            Token::Name(name) => name.clone(),
            Token::Word(word)
                if !RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved)) =>
            {
                word.clone()
            }
            _ => return self.unexpected("a column"),
        };
        self.at = self.at.saturating_add(1);
        Ok(name)
    }

    fn divisor(&mut self) -> Result<i64, FilterError> {
        let Token::Number(digits) = self.peek() else {
            return self.unexpected("a whole number of at least 1");
        };
        match digits.parse() {
            Ok(divisor @ 1..) => {
                self.next();
                Ok(divisor)
            }
            _ => self.refuse("the divisor is a whole number from 1 to 9223372036854775807"),
        }
    }

    fn constant(&mut self) -> Result<Constant, FilterError> {
        let negative = self.take_sign("-");
        if !negative {
            self.take_sign("+");
        }
        let signed =
            matches!(self.tokens.get(self.at.saturating_sub(1)), Some((_, Token::Sign("-" | "+"))));
        let constant = match self.peek() {
            Token::Number(digits) => self.numeric(digits, negative)?,
            _ if signed => return self.unexpected("a number"),
            Token::Text(text) => Constant::Text(text.clone()),
            Token::Bytes(bytes) => Constant::Bytes(bytes.clone()),
            Token::Word(word) if word.eq_ignore_ascii_case("NULL") => Constant::Null,
            Token::Word(word) if word.eq_ignore_ascii_case("TRUE") => Constant::Number("1".into()),
            Token::Word(word) if word.eq_ignore_ascii_case("FALSE") => Constant::Number("0".into()),
            Token::Word(_) | Token::Name(_) => {
                return self.refuse("a constant is expected here; of two columns, each is compared with `=`, `<` and the like");
            }
            _ => return self.unexpected("a column or a constant"),
        };
        self.at = self.at.saturating_add(1);
        if let Token::Sign(sign @ ("+" | "-" | "%" | ".")) = self.peek() {
            return self.refuse(format!("`{sign}` is not offered behind a constant"));
        }
        Ok(constant)
    }

    fn numeric(&self, digits: &str, negative: bool) -> Result<Constant, FilterError> {
        let minus = if negative { "-" } else { "" };
        if digits.contains(['e', 'E']) {
            return match format!("{minus}{digits}").parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Constant::Real(number)),
                _ => self.refuse(format!("{digits} is beyond the range of DOUBLE")),
            };
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole = whole.trim_start_matches('0');
        if whole.len().saturating_add(fraction.len()) > 65 || fraction.len() > 30 {
            return self.refuse("a number has at most 65 digits, 30 of them behind the point");
        }
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        Ok(Constant::Number(format!("{minus}{whole}{point}{fraction}")))
    }
}

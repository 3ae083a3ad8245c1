//! Names and literals of a statement, and what they mean.

use std::borrow::Cow;

use super::scan::{Scan, Span, is_word};
use crate::error::{DecodeError, Result};

/// How a literal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `NULL`, in conditions `IS NULL`.
    Null,
    /// `'…'`: text, and numbers too.
    Text,
    /// A number without quotes, `Nan`, `Inf` and the like.
    Number,
    /// `HEXTORAW('…')`
    Hex,
    /// `TO_DATE('…','…')`, `DATE '…'`
    Date,
    /// `TO_TIMESTAMP('…')`, `TIMESTAMP '…'`
    Timestamp,
    /// `TO_TIMESTAMP_TZ('…')`
    TimestampTz,
    /// `TO_YMINTERVAL('…')`
    YearMonth,
    /// `TO_DSINTERVAL('…')`
    DaySecond,
    /// `EMPTY_CLOB()`: what is in it follows as LOB writes, or is nothing.
    EmptyClob,
    /// `EMPTY_BLOB()`
    EmptyBlob,
    /// Text in pieces: `UNISTR('…')`, `CHR(…)`, `N'…'`, joined by `||`.
    Pieces,
    /// `Unsupported Type`, or a call that is none of the above: LogMiner does not tell the value.
    Unsupported,
}

/// A literal's form and its place in the text: of calls with quoted arguments what stands in the parentheses, of texts what
/// stands between the quotes, of all else all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) form: Form,
    pub(super) doubled: bool,
    pub(super) span: Span,
}

impl Literal {
    pub(super) const NULL: Self =
        Self { form: Form::Null, doubled: false, span: Span { start: 0, end: 0 } };
}

/// A name as it stands in double quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'t>(pub(super) &'t str);

impl<'t> Name<'t> {
    /// The name itself.
    pub fn to_str(self) -> Cow<'t, str> {
        if self.0.contains("\"\"") {
            Cow::Owned(self.0.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(self.0)
        }
    }

    /// As it stands between the quotes: quotes inside are doubled.
    pub fn raw(self) -> &'t str {
        self.0
    }
}

/// A literal of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'t> {
    pub(super) text: &'t str,
    pub(super) form: Form,
    pub(super) doubled: bool,
}

impl<'t> Value<'t> {
    pub(super) fn of(literal: Literal, text: &'t str) -> Self {
        Self { text: literal.span.of(text), form: literal.form, doubled: literal.doubled }
    }

    /// How it is written.
    pub fn form(&self) -> Form {
        self.form
    }

    /// As it is written, without the quotes of a text and the name of a call.
    pub fn raw(&self) -> &'t str {
        self.text
    }

    /// The value's text, of dates and intervals the first argument: what Oracle would convert.
    ///
    /// # Errors
    /// For values that are no text (NULL, bytes, LOBs, unsupported ones), and pieces that cannot be read.
    pub fn text(&self) -> Result<Cow<'t, str>> {
        match self.form {
            Form::Text if self.doubled => Ok(Cow::Owned(self.text.replace("''", "'"))),
            Form::Text | Form::Number => Ok(Cow::Borrowed(self.text)),
            Form::Pieces => pieces(self.text).map(Cow::Owned),
            Form::Date
            | Form::Timestamp
            | Form::TimestampTz
            | Form::YearMonth
            | Form::DaySecond => self.argument(0).map(Option::unwrap_or_default),
            Form::Null | Form::Hex | Form::EmptyClob | Form::EmptyBlob | Form::Unsupported => {
                let reason = format!("{:?} is no text", self.form);
                Err(DecodeError::new("SQL_REDO value", 0, reason))
            }
        }
    }

    /// The format that a date or timestamp is written in, if it is said.
    ///
    /// # Errors
    /// If the arguments cannot be read.
    pub fn format(&self) -> Result<Option<Cow<'t, str>>> {
        self.argument(1)
    }

    /// One of the quoted arguments of a call. A single quoted text stands for a call with it.
    fn argument(&self, wanted: usize) -> Result<Option<Cow<'t, str>>> {
        let mut scan = Scan::new(self.text)?;
        for number in 0.. {
            let (span, doubled) = scan.quoted(b'\'', "an argument in quotes")?;
            if number == wanted {
                let text = span.of(self.text);
                return Ok(Some(match doubled {
                    true => Cow::Owned(text.replace("''", "'")),
                    false => Cow::Borrowed(text),
                }));
            }
            if !scan.eat(b',') {
                break;
            }
        }
        Ok(None)
    }

    /// The bytes of a `HEXTORAW`, put behind what is in `out`.
    ///
    /// # Errors
    /// For another form, an odd number of digits, and what is no digit.
    pub fn bytes_into(&self, out: &mut Vec<u8>) -> Result<()> {
        let bad = |at: usize, reason: String| DecodeError::new("SQL_REDO HEXTORAW", at, reason);
        if self.form != Form::Hex {
            return Err(bad(0, format!("{:?} is no HEXTORAW", self.form)));
        }
        let from = out.len();
        out.resize(from + self.text.len() / 2, 0);
        hex::decode_to_slice(self.text, &mut out[from..]).map_err(|e| {
            out.truncate(from);
            bad(0, e.to_string())
        })
    }
}

/// Reads a literal.
#[inline]
pub(super) fn literal(scan: &mut Scan<'_>) -> Result<Literal> {
    scan.blanks();
    let start = scan.at;
    match scan.peek() {
        Some(b'\'') => {
            let (span, doubled) = scan.quoted(b'\'', "a text in quotes")?;
            if is_joined(scan) {
                return joined(scan, start);
            }
            Ok(Literal { form: Form::Text, doubled, span })
        }
        Some(b'0'..=b'9' | b'-' | b'+' | b'.') => number(scan),
        Some(b'"') => unsupported_call(scan, start),
        Some(b) if b.is_ascii_alphabetic() => word(scan, start),
        _ => Err(scan.expected("a value")),
    }
}

/// A number as Oracle prints it, `-1.5E+10` too, and `-Inf`.
fn number(scan: &mut Scan<'_>) -> Result<Literal> {
    let start = scan.at;
    if matches!(scan.peek(), Some(b'-' | b'+')) {
        scan.at += 1;
    }
    while let Some(byte) = scan.peek() {
        let after_exponent = matches!(scan.bytes.get(scan.at.wrapping_sub(1)), Some(b'e' | b'E'));
        let belongs = byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_')
            || matches!(byte, b'+' | b'-') && after_exponent;
        if !belongs {
            break;
        }
        scan.at += 1;
    }
    let span = scan.span(start, scan.at);
    let digits = &scan.bytes[start..scan.at];
    if !digits.iter().any(u8::is_ascii_alphanumeric) {
        scan.at = start;
        return Err(scan.expected("a number"));
    }
    Ok(Literal { form: Form::Number, doubled: false, span })
}

/// Literals that begin with a letter.
fn word(scan: &mut Scan<'_>, start: usize) -> Result<Literal> {
    let Some(span) = scan.word() else { return Err(scan.expected("a value")) };
    let name = &scan.bytes[span.start as usize..span.end as usize];
    let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
    let plain = |form| Ok(Literal { form, doubled: false, span });
    if is("NULL") {
        return Ok(Literal::NULL);
    }
    let next = scan.peek();
    if next == Some(b'(') {
        return call(scan, start, name);
    }
    scan.blanks();
    if scan.peek() == Some(b'\'') {
        let form = match () {
            () if is("DATE") => Form::Date,
            () if is("TIMESTAMP") => Form::Timestamp,
            () if is("N") => return joined(scan, start),
            () => return Err(scan.expected("a value")),
        };
        // With its quotes, as the arguments of a call.
        let from = scan.at;
        scan.quoted(b'\'', "a text in quotes")?;
        return Ok(Literal { form, doubled: false, span: scan.span(from, scan.at) });
    }
    if is("UNSUPPORTED") && scan.eat_word("TYPE") {
        let span = scan.span(start, scan.at);
        return Ok(Literal { form: Form::Unsupported, doubled: false, span });
    }
    const NUMBERS: [&str; 10] = [
        "NAN",
        "INF",
        "INFINITY",
        "BINARY_FLOAT_NAN",
        "BINARY_FLOAT_INFINITY",
        "BINARY_DOUBLE_NAN",
        "BINARY_DOUBLE_INFINITY",
        "NaNf",
        "NaNd",
        "INFd",
    ];
    if NUMBERS.iter().any(|number| is(number)) {
        return plain(Form::Number);
    }
    scan.at = start;
    Err(scan.expected("a value"))
}

/// A call, the cursor at its parenthesis.
fn call(scan: &mut Scan<'_>, start: usize, name: &[u8]) -> Result<Literal> {
    let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
    if is("UNISTR") || is("CHR") || is("NCHR") {
        return joined(scan, start);
    }
    let form = match () {
        () if is("HEXTORAW") => Form::Hex,
        () if is("TO_DATE") => Form::Date,
        () if is("TO_TIMESTAMP") => Form::Timestamp,
        () if is("TO_TIMESTAMP_TZ") => Form::TimestampTz,
        () if is("TO_YMINTERVAL") => Form::YearMonth,
        () if is("TO_DSINTERVAL") => Form::DaySecond,
        () if is("EMPTY_CLOB") => Form::EmptyClob,
        () if is("EMPTY_BLOB") => Form::EmptyBlob,
        () => return unsupported_call(scan, start),
    };
    scan.need(b'(', "an opening parenthesis")?;
    let from = scan.at;
    if matches!(form, Form::EmptyClob | Form::EmptyBlob) {
        scan.need(b')', "a closing parenthesis")?;
        return Ok(Literal { form, doubled: false, span: scan.span(start, scan.at) });
    }
    let (first, _) = scan.quoted(b'\'', "an argument in quotes")?;
    while scan.eat(b',') {
        scan.quoted(b'\'', "an argument in quotes")?;
    }
    let end = scan.at;
    scan.need(b')', "a closing parenthesis")?;
    if form == Form::Hex {
        return Ok(Literal { form, doubled: false, span: first });
    }
    Ok(Literal { form, doubled: false, span: scan.span(from, end) })
}

/// A call of something else, with parentheses inside its own: stepped over, and not taken for a value.
fn unsupported_call(scan: &mut Scan<'_>, start: usize) -> Result<Literal> {
    let mut depth = 0_usize;
    while let Some(byte) = scan.peek() {
        match byte {
            b'\'' | b'"' => {
                scan.quoted(byte, "a text in quotes")?;
                continue;
            }
            b'(' => depth += 1,
            b')' if depth == 1 => {
                scan.at += 1;
                let span = scan.span(start, scan.at);
                return Ok(Literal { form: Form::Unsupported, doubled: false, span });
            }
            b')' if depth > 1 => depth -= 1,
            b if depth == 0 && !is_word(b) && b != b'.' => break,
            _ => {}
        }
        scan.at += 1;
    }
    Err(scan.expected("the end of a call"))
}

/// Whether `||` follows.
#[inline]
fn is_joined(scan: &mut Scan<'_>) -> bool {
    if !matches!(scan.peek(), Some(b' ' | b'|' | b'\n' | b'\r' | b'\t')) {
        return false;
    }
    let at = scan.at;
    scan.blanks();
    let follows = scan.bytes.get(scan.at..scan.at + 2) == Some(b"||");
    scan.at = at;
    follows
}

/// Text in pieces; the cursor is somewhere in the first one, which begins at `start`.
fn joined(scan: &mut Scan<'_>, start: usize) -> Result<Literal> {
    scan.at = start;
    loop {
        piece(scan, None)?;
        if !is_joined(scan) {
            break;
        }
        scan.blanks();
        scan.at += 2;
    }
    Ok(Literal { form: Form::Pieces, doubled: false, span: scan.span(start, scan.at) })
}

/// The text of pieces.
fn pieces(text: &str) -> Result<String> {
    let mut scan = Scan::new(text)?;
    let mut out = String::with_capacity(text.len());
    let mut units = Units { out: &mut out, high: None };
    loop {
        piece(&mut scan, Some((text, &mut units)))?;
        if !is_joined(&mut scan) {
            break;
        }
        scan.blanks();
        scan.at += 2;
    }
    units.flush()?;
    Ok(out)
}

/// Steps over one piece, and puts what it means behind what there is.
fn piece(scan: &mut Scan<'_>, mut to: Option<(&str, &mut Units<'_>)>) -> Result<()> {
    scan.blanks();
    let is_national = scan.peek().is_some_and(|b| b.eq_ignore_ascii_case(&b'N'))
        && scan.bytes.get(scan.at + 1) == Some(&b'\'');
    scan.at += usize::from(is_national);
    if scan.peek() == Some(b'\'') {
        let (span, _) = scan.quoted(b'\'', "a text in quotes")?;
        return match &mut to {
            Some((text, units)) => units.text(&span.of(text).replace("''", "'")),
            None => Ok(()),
        };
    }
    if scan.eat_word("UNISTR") {
        scan.need(b'(', "an opening parenthesis")?;
        let (span, _) = scan.quoted(b'\'', "an argument in quotes")?;
        scan.need(b')', "a closing parenthesis")?;
        return match &mut to {
            Some((text, units)) => units.escaped(&span.of(text).replace("''", "'")),
            None => Ok(()),
        };
    }
    if scan.eat_word("CHR") || scan.eat_word("NCHR") {
        scan.need(b'(', "an opening parenthesis")?;
        let code = scan.number("the number of a character")?;
        // `CHR(n USING NCHAR_CS)`
        if scan.eat_word("USING") {
            scan.need_word("NCHAR_CS", "NCHAR_CS")?;
        }
        scan.need(b')', "a closing parenthesis")?;
        // Above ASCII the number depends on the database's character set.
        let Some(character) = u8::try_from(code).ok().filter(u8::is_ascii).map(char::from) else {
            let reason = format!("CHR({code}): only ASCII is known without the character set");
            return Err(DecodeError::new("SQL_REDO value", scan.at, reason));
        };
        return match &mut to {
            Some((_, units)) => units.text(character.encode_utf8(&mut [0; 4])),
            None => Ok(()),
        };
    }
    Err(scan.expected("a piece of text"))
}

/// Text that is put together of UTF-16 units: a pair of them may be in two pieces.
struct Units<'o> {
    out: &'o mut String,
    high: Option<u16>,
}

impl Units<'_> {
    fn text(&mut self, text: &str) -> Result<()> {
        if !text.is_empty() {
            self.flush()?;
        }
        self.out.push_str(text);
        Ok(())
    }

    /// Text with `\XXXX` for units and `\\` for a backslash (SQL Language Reference, UNISTR).
    fn escaped(&mut self, text: &str) -> Result<()> {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('\\') {
            self.text(before)?;
            if let Some(after) = after.strip_prefix('\\') {
                self.text("\\")?;
                rest = after;
                continue;
            }
            let digits = after.get(..4).unwrap_or(after);
            let unit = u16::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 4);
            let is_digits = digits.bytes().all(|b| b.is_ascii_hexdigit());
            let Some(unit) = unit.filter(|_| is_digits) else {
                let reason = format!("\\{digits} is no unit of UTF-16");
                return Err(DecodeError::new("SQL_REDO UNISTR", 0, reason));
            };
            self.unit(unit)?;
            rest = &after[4..];
        }
        self.text(rest)
    }

    fn unit(&mut self, unit: u16) -> Result<()> {
        if let Some(high) = self.high.take() {
            return match char::decode_utf16([high, unit]).next() {
                Some(Ok(character)) => {
                    self.out.push(character);
                    Ok(())
                }
                _ => Err(lone(high)),
            };
        }
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
            return Ok(());
        }
        let character = char::from_u32(u32::from(unit)).ok_or_else(|| lone(unit))?;
        self.out.push(character);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.high.take().map_or(Ok(()), |high| Err(lone(high)))
    }
}

fn lone(unit: u16) -> DecodeError {
    let reason = format!("\\{unit:04X} is half of a pair and stands alone");
    DecodeError::new("SQL_REDO UNISTR", 0, reason)
}

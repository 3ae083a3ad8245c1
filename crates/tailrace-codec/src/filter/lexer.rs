//! Words, names, numbers, text and signs of a filter.

use super::FilterError;

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword or an unquoted name, as written.
    Word(String),
    /// A name in backquotes.
    Name(String),
    /// Text in single or double quotes, escapes resolved.
    Text(String),
    /// Bytes: `X'1F'` or `0x1F`.
    Bytes(Vec<u8>),
    /// An unsigned number, as written.
    Number(String),
    /// An operator or another sign.
    Sign(&'static str),
    /// The end of the filter.
    End,
}

/// Signs that are tokens, the longer ones first.
const SIGNS: [&str; 17] =
    ["<=>", "<=", ">=", "<>", "!=", "&&", "||", "=", "<", ">", "(", ")", ",", "%", "-", "+", "."];

/// The tokens of a filter with the character at which each begins.
///
/// # Errors
/// A sign that no filter has, or a quote that does not end.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let mut reader = Reader { text, at: 0 };
    let mut out = Vec::new();
    loop {
        reader.skip_space();
        let place = reader.place();
        let token = reader.token()?;
        let is_end = token == Token::End;
        out.push((place, token));
        if is_end {
            return Ok(out);
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    /// Byte offset.
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The number of the character that comes next.
    fn place(&self) -> usize {
        self.text.get(..self.at).unwrap_or_default().chars().count()
    }

    fn refuse<T>(&self, text: impl std::fmt::Display) -> Result<T, FilterError> {
        Err(FilterError::at(self.place(), text))
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        let space = rest.len().saturating_sub(rest.trim_ascii_start().len());
        self.at = self.at.saturating_add(space);
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let taken = self.rest().get(..bytes).unwrap_or_default();
        self.at = self.at.saturating_add(taken.len());
        taken
    }

    fn take_while(&mut self, matches: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        self.take(rest.find(|sign| !matches(sign)).unwrap_or(rest.len()))
    }

    fn token(&mut self) -> Result<Token, FilterError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        let second = rest.chars().nth(1);
        match first {
            '`' => self.quoted('`', false).map(Token::Name),
            '\'' | '"' => self.quoted(first, true).map(Token::Text),
            'x' | 'X' if second == Some('\'') => {
                self.take(1);
                let digits = self.quoted('\'', false)?;
                self.bytes(&digits)
            }
            '0' if second == Some('x') => {
                self.take(2);
                let digits = self.take_while(is_word_sign).to_owned();
                self.bytes(&digits)
            }
            '0'..='9' => self.number(),
            '.' if second.is_some_and(|sign| sign.is_ascii_digit()) => self.number(),
            '#' | '/' => self.refuse("comments are not allowed in a filter"),
            '-' if rest.starts_with("--") => self.refuse("comments are not allowed in a filter"),
            ';' => self.refuse("a filter is one condition, without `;`"),
            _ if is_word_sign(first) => Ok(Token::Word(self.take_while(is_word_sign).to_owned())),
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => {
                    self.take(sign.len());
                    Ok(Token::Sign(sign))
                }
                None => self.refuse(format!("`{first}` is not offered in a filter")),
            },
        }
    }

    /// What is between quotes; a doubled quote is one, and a backslash escapes where it does so in text.
    fn quoted(&mut self, quote: char, escapes: bool) -> Result<String, FilterError> {
        let begin = self.place();
        self.take(1);
        let mut out = String::new();
        let mut signs = self.rest().char_indices().peekable();
        while let Some((offset, sign)) = signs.next() {
            if sign == quote {
                if signs.next_if(|next| next.1 == quote).is_some() {
                    out.push(quote);
                    continue;
                }
                self.take(offset.saturating_add(1));
                return Ok(out);
            }
            if sign == '\\' && escapes {
                match signs.next() {
                    Some((_, escaped)) => unescape(escaped, &mut out),
                    None => break,
                }
            } else {
                out.push(sign);
            }
        }
        Err(FilterError::at(begin, format!("the quote {quote} does not end")))
    }

    fn bytes(&self, digits: &str) -> Result<Token, FilterError> {
        let nibble = |digit: &u8| char::from(*digit).to_digit(16).map(|value| value as u8);
        let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
        let bytes: Option<Vec<u8>> = pairs
            .iter()
            .map(|[high, low]| Some(nibble(high)?.wrapping_shl(4) | nibble(low)?))
            .collect();
        match bytes {
            Some(bytes) if odd.is_empty() => Ok(Token::Bytes(bytes)),
            _ => self.refuse("a hexadecimal constant needs an even number of hexadecimal digits"),
        }
    }

    fn number(&mut self) -> Result<Token, FilterError> {
        let begin = self.at;
        let digits = |sign: char| sign.is_ascii_digit();
        self.take_while(digits);
        if self.rest().starts_with('.') {
            self.take(1);
            self.take_while(digits);
        }
        if self.rest().starts_with(['e', 'E']) {
            self.take(1);
            if self.rest().starts_with(['+', '-']) {
                self.take(1);
            }
            if self.take_while(digits).is_empty() {
                return self.refuse("the number ends within its exponent");
            }
        }
        if self.rest().starts_with(is_word_sign) {
            return self.refuse("a name that begins with a digit needs backquotes");
        }
        Ok(Token::Number(self.text.get(begin..self.at).unwrap_or_default().to_owned()))
    }
}

fn is_word_sign(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_' || sign == '$' || !sign.is_ascii()
}

/// One escaped character of text. `\%` and `\_` keep their backslash, for `LIKE`.
fn unescape(escaped: char, out: &mut String) {
    match escaped {
        '0' => out.push('\0'),
        'b' => out.push('\u{8}'),
        'n' => out.push('\n'),
        'r' => out.push('\r'),
        't' => out.push('\t'),
        'Z' => out.push('\u{1A}'),
        '%' | '_' => out.extend(['\\', escaped]),
        other => out.push(other),
    }
}

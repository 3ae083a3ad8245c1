//! `information_schema.COLUMNS.COLUMN_TYPE`, as far as a schema needs it.

use crate::error::{DecodeError, Result};

/// The members in the text of an `ENUM` or `SET` type: `enum('a','it''s')`.
///
/// The server writes a quote in a member as `''`, a backslash as `\\`, and NUL, line feed and
/// carriage return as `\0`, `\n`, `\r`.
pub(super) fn members(column_type: &str) -> Result<Vec<String>> {
    let failed = |offset, reason: &'static str| DecodeError::new("COLUMN_TYPE", offset, reason);
    let Some(open) = column_type.find('(') else {
        return Err(failed(0, "no list of members in parentheses"));
    };
    let mut members = Vec::new();
    let mut chars = column_type.char_indices().skip_while(|(at, _)| *at <= open);
    loop {
        match chars.next() {
            Some((_, '\'')) => {}
            Some((at, _)) => return Err(failed(at, "a member does not begin with a quote")),
            None => return Err(failed(column_type.len(), "the list of members has no end")),
        }
        let mut member = String::new();
        let separator = loop {
            match chars.next() {
                Some((_, '\'')) => match chars.next() {
                    Some((_, '\'')) => member.push('\''),
                    other => break other,
                },
                Some((at, '\\')) => match chars.next() {
                    Some((_, '0')) => member.push('\0'),
                    Some((_, 'n')) => member.push('\n'),
                    Some((_, 'r')) => member.push('\r'),
                    Some((_, other)) => member.push(other),
                    None => return Err(failed(at, "a backslash is the last character")),
                },
                Some((_, other)) => member.push(other),
                None => return Err(failed(column_type.len(), "a member has no closing quote")),
            }
        };
        members.push(member);
        match separator {
            Some((_, ',')) => {}
            Some((_, ')')) => return Ok(members),
            Some((at, _)) => {
                return Err(failed(at, "neither comma nor parenthesis after a member"));
            }
            None => return Err(failed(column_type.len(), "the list of members has no end")),
        }
    }
}

/// A number type is declared UNSIGNED (ZEROFILL implies it, and the server says so).
pub(super) fn is_unsigned(column_type: &str) -> bool {
    column_type.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("unsigned"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_of_the_server() {
        assert_eq!(
            members(r"enum('x','it''s','back\\slash','a\nb','com,ma','','é)','\0\r')").unwrap(),
            ["x", "it's", r"back\slash", "a\nb", "com,ma", "", "é)", "\0\r"]
        );
        assert_eq!(members("set('a')").unwrap(), ["a"]);
        for wrong in [
            "enum",
            "enum(",
            "enum('a",
            "enum('a'",
            "enum('a',",
            "enum('a';",
            "enum(a)",
            "enum('\\",
        ] {
            assert!(members(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn signs() {
        assert!(is_unsigned("decimal(12,3) unsigned zerofill"));
        assert!(!is_unsigned("int"));
    }

    proptest! {
        #[test]
        fn round_trip(names in proptest::collection::vec(any::<String>(), 1..5)) {
            let quoted: Vec<String> = names
                .iter()
                .map(|n| {
                    let text = n
                        .replace('\\', r"\\")
                        .replace('\0', r"\0")
                        .replace('\n', r"\n")
                        .replace('\r', r"\r")
                        .replace('\'', "''");
                    format!("'{text}'")
                })
                .collect();
            prop_assert_eq!(members(&format!("enum({})", quoted.join(","))).unwrap(), names);
        }

        #[test]
        fn no_panic(text: String) {
            let _ = members(&text);
            let _ = members(&format!("enum('{text}"));
        }
    }
}

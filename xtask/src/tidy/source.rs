//! Rust source with comments and literals blanked out, so that rules see code only.

/// The code of `text`: comments, strings and character literals become spaces; lines stay.
pub(crate) fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let length = skipped(bytes, at, rest);
        if length == 0 {
            // Code is ASCII but for letters of names, which no rule looks for.
            out.push(if bytes[at].is_ascii() { char::from(bytes[at]) } else { 'x' });
            at += 1;
        } else {
            for byte in &bytes[at..(at + length).min(bytes.len())] {
                out.push(if *byte == b'\n' { '\n' } else { ' ' });
            }
            at += length;
        }
    }
    out
}

/// The length of the comment or literal that begins at `at`; 0 when none does.
fn skipped(bytes: &[u8], at: usize, rest: &[u8]) -> usize {
    if rest.starts_with(b"//") {
        return rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return block_comment(rest);
    }
    let follows_name = at > 0 && is_name(bytes[at - 1]);
    if !follows_name {
        for prefix in ["r", "br", "cr"] {
            if let Some(length) = raw_string(rest, prefix) {
                return length;
            }
        }
    }
    match rest[0] {
        b'"' => quoted(rest, b'"'),
        b'\'' if is_char_literal(rest) => quoted(rest, b'\''),
        _ => 0,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of a raw string that begins with `prefix`, as in `r#"…"#`.
fn raw_string(rest: &[u8], prefix: &str) -> Option<usize> {
    let after = rest.strip_prefix(prefix.as_bytes())?;
    let hashes = after.iter().take_while(|byte| **byte == b'#').count();
    if after.get(hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(hashes + 1, b'#');
    let body = &after[hashes + 1..];
    let length = body.windows(end.len()).position(|window| window == end);
    let body = length.map_or(body.len(), |length| length + end.len());
    Some(prefix.len() + hashes + 1 + body)
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A quote begins a character when the character after it is escaped or followed by a quote, and
/// a lifetime otherwise.
fn is_char_literal(rest: &[u8]) -> bool {
    if rest.get(1) == Some(&b'\\') {
        return true;
    }
    let text = String::from_utf8_lossy(&rest[1..rest.len().min(6)]);
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first != '\'') && chars.next() == Some('\'')
}

/// True for a byte that can be part of a name.
pub(crate) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The position after the bracket that closes the one at `open`, or the end of the code.
pub(crate) fn closing(code: &str, open: usize) -> usize {
    let bytes = code.as_bytes();
    let (up, down) = match bytes[open] {
        b'(' => (b'(', b')'),
        b'[' => (b'[', b']'),
        _ => (b'{', b'}'),
    };
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        if *byte == up {
            depth += 1;
        } else if *byte == down {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    bytes.len()
}

/// Number of the line, from 1, that holds the byte at `at`.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Splits code into what is built for tests only (items under `#[cfg(test)]`) and the rest, each
/// with the other blanked out.
pub(crate) fn split_tests(code: &str) -> (String, String) {
    const MARK: &str = "#[cfg(test)]";
    let mut tests = vec![false; code.len()];
    let mut from = 0;
    while let Some(found) = code[from..].find(MARK) {
        let begin = from + found;
        let after = begin + MARK.len();
        // The item ends with its body, or with `;` when it has none (`mod tests;`).
        let end = match code[after..].find(['{', ';']) {
            Some(next) if code.as_bytes()[after + next] == b'{' => closing(code, after + next),
            Some(next) => after + next + 1,
            None => code.len(),
        };
        tests[begin..end].fill(true);
        from = end;
    }
    let blank = |wanted: bool| -> String {
        let keep = |(char, is_test): (char, &bool)| {
            if *is_test == wanted || char == '\n' { char } else { ' ' }
        };
        code.chars().zip(&tests).map(keep).collect()
    };
    (blank(true), blank(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        let text =
            "a(\"x // \\\" y\"); // b\n/* c /* d */ e */ f('\\'', 'g', '\"'); h::<'i>(r#\"j\"k\"#)";
        let code = code(text);
        assert_eq!(code.len(), text.len());
        for gone in ["x", "b", "c", "d", "e", "g", "j", "k"] {
            assert!(!code.contains(gone), "{gone}: {code}");
        }
        for kept in ["a(", "f(", "h::<'i>("] {
            assert!(code.contains(kept), "{kept}: {code}");
        }
        assert_eq!(line_of(&code, code.find('f').unwrap()), 2);
    }

    #[test]
    fn a_name_that_ends_in_r_does_not_begin_a_raw_string() {
        assert_eq!(code("for\"x\" y"), "for    y");
    }

    #[test]
    fn test_code_is_split_off() {
        let code = "a();\n#[cfg(test)]\nmod tests {\n b({});\n}\nc();\n#[cfg(test)]\nmod t;\nd();";
        let (tests, rest) = split_tests(code);
        assert!(tests.contains("b(") && tests.contains("mod t;") && !tests.contains("c("));
        assert!(rest.contains("a(") && rest.contains("c(") && rest.contains("d("));
        assert!(!rest.contains("b("));
        assert_eq!(rest.lines().count(), code.lines().count());
    }
}

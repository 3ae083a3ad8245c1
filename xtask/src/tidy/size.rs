//! Sizes: a file is read in one sitting, a function fits a screen.

use super::source::{closing, is_name, line_of};
use super::{Finding, SourceFile};

/// Lines of a file: more is an error, more than the second number a warning.
const FILE_LINES_MAX: usize = 800;
const FILE_LINES_GOAL: usize = 500;
/// The same for a function, from `fn` to its last brace.
const FUNCTION_LINES_MAX: usize = 100;
const FUNCTION_LINES_GOAL: usize = 70;

pub(crate) fn check(file: &SourceFile) -> Vec<Finding> {
    let Some(code) = &file.code else { return Vec::new() };
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE_LINES_GOAL {
        findings.push(Finding {
            is_warning: lines <= FILE_LINES_MAX,
            ..Finding::error(
                "size",
                file,
                1,
                format!("{lines} lines: aim for {FILE_LINES_GOAL}, at most {FILE_LINES_MAX}"),
            )
        });
    }
    for (name, first, last) in functions(code) {
        let lines = last - first + 1;
        if lines > FUNCTION_LINES_GOAL {
            let goal = FUNCTION_LINES_GOAL;
            let max = FUNCTION_LINES_MAX;
            findings.push(Finding {
                is_warning: lines <= max,
                ..Finding::error(
                    "size",
                    file,
                    first,
                    format!("function {name} has {lines} lines: aim for {goal}, at most {max}"),
                )
            });
        }
    }
    findings
}

/// Name, first and last line of each function that has a body.
fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if at > 0 && is_name(bytes[at - 1]) {
            continue;
        }
        let name: String = code[at + 3..].chars().take_while(|char| is_name(*char as u8)).collect();
        if let Some(open) = body(code, at + 3)
            && !name.is_empty()
        {
            found.push((name, line_of(code, at), line_of(code, closing(code, open) - 1)));
        }
    }
    found
}

/// Where the body of the function begins whose name is at `at`; none when it ends in `;`.
fn body(code: &str, at: usize) -> Option<usize> {
    let bytes = code.as_bytes();
    let mut at = at;
    loop {
        match bytes.get(at)? {
            // Parameters, array types and constants in them may hold braces and semicolons.
            b'(' | b'[' => at = closing(code, at),
            b'{' => return Some(at),
            b';' => return None,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<bool> {
        let findings = check(&SourceFile::new("a.rs", text.to_owned()));
        findings.iter().map(|finding| finding.is_warning).collect()
    }

    fn function(lines: usize) -> String {
        format!("fn f(a: [u8; 3]) -> [u8; {{ 2 }}] {{\n{}}}\n", "x();\n".repeat(lines - 2))
    }

    #[test]
    fn long_functions_are_warned_of_and_longer_ones_are_errors() {
        assert_eq!(rules(&function(70)), [] as [bool; 0]);
        assert_eq!(rules(&function(71)), [true]);
        assert_eq!(rules(&function(100)), [true]);
        assert_eq!(rules(&function(101)), [false]);
    }

    #[test]
    fn long_files_are_warned_of_and_longer_ones_are_errors() {
        assert_eq!(rules(&"const A: u8 = 1;\n".repeat(500)), [] as [bool; 0]);
        assert_eq!(rules(&"const A: u8 = 1;\n".repeat(501)), [true]);
        assert_eq!(rules(&"const A: u8 = 1;\n".repeat(801)), [false]);
    }

    #[test]
    fn function_types_and_declarations_have_no_length() {
        assert_eq!(
            functions("trait T { fn a(&self); fn b() {} } type F = fn (u8);"),
            [("b".to_owned(), 1, 1)]
        );
    }
}

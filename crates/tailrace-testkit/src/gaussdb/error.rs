//! Errors as the real server words them.

/// An error that the front has PostgreSQL raise for it, so that transactions fail where they would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// SQLSTATE, five characters.
    pub(crate) code: &'static str,
    /// What is said.
    pub(crate) message: String,
}

impl Refusal {
    /// The grammar has no such form.
    pub(crate) fn syntax(near: &str) -> Self {
        let message = format!("syntax error at or near \"{near}\"");
        Self { code: "42601", message }
    }

    /// The form is known and not offered.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self { code: "0A000", message: message.into() }
    }

    /// The real server may have it; this stand-in does not.
    pub(crate) fn stand_in(what: &str) -> Self {
        Self::unsupported(format!("the stand-in for GaussDB does not have {what}"))
    }
}

/// Begin of the name of a column that does not exist, by which a raised error is known again.
const MARK: &str = "gaussdb stand-in refusal ";

/// A statement that fails, which the answer to is found by in [`mark_of`].
pub(crate) fn failing_statement(number: usize) -> String {
    format!("SELECT \"{MARK}{number}\"")
}

/// Number of the refusal that an error of PostgreSQL stands for.
pub(crate) fn mark_of(body: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(body).ok()?;
    let digits = text.split_once(MARK)?.1;
    digits[..digits.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

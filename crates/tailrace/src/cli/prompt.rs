//! Questions to whoever sits in front of the terminal.

use std::io::{BufRead as _, IsTerminal as _};

use console::Term;
use secrecy::SecretString;

use super::exit::{Exit, Failed};

/// Bytes of a line that is read from a pipe, at most.
const LINE_BYTES_MAX: u64 = 4096;

/// Whether somebody can be asked.
pub(super) fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for a secret, which is not shown; without a terminal it is the first line of standard input. An
/// error names the variable that it could be in instead.
pub(super) fn secret(what: &str, env: &str) -> Result<SecretString, Failed> {
    let missing = |why: String| {
        let text = format!("{what}: {why}; set {env}, or run this on a terminal");
        Failed::new(Exit::Usage, text)
    };
    let text = if is_possible() {
        let terminal = Term::stderr();
        terminal.write_str(&format!("{what}: "))?;
        terminal.read_secure_line().map_err(|e| missing(e.to_string()))?
    } else {
        let mut line = String::new();
        let stdin = std::io::stdin().lock();
        std::io::Read::take(stdin, LINE_BYTES_MAX)
            .read_line(&mut line)
            .map_err(|e| missing(e.to_string()))?;
        line.trim_end_matches(['\n', '\r']).to_owned()
    };
    if text.is_empty() { Err(missing("none is given".to_owned())) } else { Ok(text.into()) }
}

/// Asks for a line; nothing gives the default.
pub(super) fn line(what: &str, default: Option<&str>) -> Result<String, Failed> {
    let terminal = Term::stderr();
    loop {
        let shown = default.map(|text| format!(" [{text}]")).unwrap_or_default();
        terminal.write_str(&format!("{what}{shown}: "))?;
        let text = terminal.read_line()?;
        match (text.trim(), default) {
            ("", Some(default)) => return Ok(default.to_owned()),
            ("", None) => terminal.write_line("  (needed)")?,
            (text, _) => return Ok(text.to_owned()),
        }
    }
}

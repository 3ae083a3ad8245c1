//! Runs `cargo test` and sums up what its test binaries say.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::report::{Counts, say};

/// Runs a `cargo test` command, passes its output on line by line, and returns the sum over all
/// of its test binaries. A run that fails without naming a failed test (a binary that does not
/// compile or that crashed) counts as one failure.
pub(crate) fn run(command: &mut Command) -> Result<Counts> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start cargo test")?;
    let stdout = child.stdout.take().context("cargo test has no standard output")?;
    let mut counts = Counts::default();
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    // By bytes: a test may print what is not UTF-8.
    while reader.read_until(b'\n', &mut line).context("reading the output of cargo test")? > 0 {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        say(text);
        if let Some(one) = result_line(text) {
            counts.passed += one.passed;
            counts.failed += one.failed;
        }
        line.clear();
    }
    let status = child.wait().context("waiting for cargo test")?;
    if !status.success() && counts.failed == 0 {
        say(&format!("cargo test ended with {status} and named no failed test"));
        counts.failed = 1;
    }
    Ok(counts)
}

/// The counts of a line like `test result: ok. 5 passed; 0 failed; 0 ignored; …`.
fn result_line(line: &str) -> Option<Counts> {
    let (_, rest) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for part in rest.split("; ") {
        match part.split_once(' ') {
            Some((number, "passed")) => counts.passed = number.parse().ok()?,
            Some((number, "failed")) => counts.failed = number.parse().ok()?,
            _ => {}
        }
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_result_line_of_a_test_binary() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.02s";
        assert_eq!(result_line(line), Some(Counts { passed: 12, failed: 3 }));
        assert_eq!(result_line("test a::b ... ok"), None);
        assert_eq!(result_line("test result: ok"), None);
    }

    #[test]
    fn a_command_that_fails_without_a_result_line_counts_as_a_failure() {
        let mut broken = Command::new("sh");
        broken.args(["-c", "echo 'test result: ok. 2 passed; 0 failed'; exit 101"]);
        assert_eq!(run(&mut broken).unwrap(), Counts { passed: 2, failed: 1 });
        let mut good = Command::new("sh");
        good.args(["-c", "echo 'test result: ok. 2 passed; 0 failed'"]);
        assert_eq!(run(&mut good).unwrap(), Counts { passed: 2, failed: 0 });
    }
}

//! `cargo xtask tidy`: the house rules that neither rustfmt nor clippy knows.
//!
//! The rules are in STYLE.md; each file here holds one kind of them. What may differ is written
//! in [`allow`], with the reason.

mod allow;
mod direction;
mod paths;
mod size;
mod source;
mod text;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::report::say;
use crate::workspace;

/// A file of the workspace.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Path from the root of the workspace, with `/`.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
    /// For Rust: the code without comments and literals, as `source::code` gives it.
    pub(crate) code: Option<String>,
}

impl SourceFile {
    fn new(path: &str, text: String) -> Self {
        let code = path.ends_with(".rs").then(|| source::code(&text));
        Self { path: path.to_owned(), text, code }
    }

    /// True when all of the file is test code.
    fn is_test(&self) -> bool {
        let mut folders = self.path.split('/');
        folders.any(|folder| matches!(folder, "tests" | "tests.rs" | "benches"))
    }
}

/// One break of a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The rule's short name, which the allow list uses.
    pub(crate) rule: &'static str,
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) message: String,
    /// A warning is shown and does not fail.
    pub(crate) is_warning: bool,
}

impl Finding {
    fn error(rule: &'static str, file: &SourceFile, line: usize, message: String) -> Self {
        Self { rule, path: file.path.clone(), line, message, is_warning: false }
    }
}

/// Checks all files that git knows or would add. An error names how many rules are broken; each
/// break is printed before.
pub(crate) fn run() -> Result<()> {
    let files = files()?;
    let known = files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>();
    let mut findings = Vec::new();
    for file in &files {
        findings.extend(check(file, &known));
    }
    let errors = allow::apply(&mut findings);
    for finding in &findings {
        let kind = if finding.is_warning { "warning" } else { "error" };
        let Finding { path, line, rule, message, .. } = finding;
        say(&format!("{path}:{line}: {kind} [{rule}]: {message}"));
    }
    for error in &errors {
        say(error);
    }
    let count = findings.iter().filter(|finding| !finding.is_warning).count() + errors.len();
    if count > 0 {
        bail!("{count} house rules are broken (STYLE.md tells why they are)");
    }
    Ok(())
}

fn check(file: &SourceFile, known: &[&str]) -> Vec<Finding> {
    let mut findings = text::check(file, known);
    if file.code.is_some() {
        findings.extend(size::check(file));
        findings.extend(direction::check(file));
    }
    findings
}

fn files() -> Result<Vec<SourceFile>> {
    let root = workspace::root();
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .context("tidy asks git for the files of the workspace")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let mut files = Vec::new();
    for path in String::from_utf8_lossy(&output.stdout).split('\0') {
        // A file that is deleted but still in the index is listed too.
        let Some(bytes) = read(&root.join(path))? else { continue };
        // What is not text is data of tests.
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(SourceFile::new(path, text));
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    if !path.is_file() {
        return Ok(None);
    }
    fs::read(path).map(Some).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_tidy_where_xtask_and_testkit_are_concerned() {
        let files = files().unwrap();
        let known = files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>();
        let own = |file: &&SourceFile| {
            file.path.starts_with("xtask/") || file.path.starts_with("crates/tailrace-testkit/")
        };
        let mut findings: Vec<_> =
            files.iter().filter(own).flat_map(|file| check(file, &known)).collect();
        allow::apply(&mut findings);
        findings.retain(|finding| !finding.is_warning);
        assert_eq!(findings, []);
    }

    #[test]
    fn files_of_tests_are_known_by_their_folder() {
        let test = |path: &str| SourceFile::new(path, String::new()).is_test();
        assert!(test("crates/a/tests/main.rs") && test("crates/a/src/b/tests.rs"));
        assert!(!test("crates/a/src/latests.rs"));
    }
}

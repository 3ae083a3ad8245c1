//! Rules on names and words.

use super::source::{self, is_name, line_of};
use super::{Finding, SourceFile};

/// Module names that say nothing about what is in them, so that everything ends up there.
const BUCKETS: &[&str] = &[
    "util", "utils", "common", "commons", "helper", "helpers", "type", "types", "misc", "manager",
    "managers", "shared", "base",
];

/// Marks of unfinished work. Written in two parts, so that this file does not find itself.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Folders of one person's or one machine's; `/work` and `/farm` are where some keep checkouts.
const PLACES: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/t", "mp/"),
    concat!("/wo", "rk/"),
    concat!("/fa", "rm/"),
];

pub(crate) fn check(file: &SourceFile, known: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(code) = &file.code {
        bucket(file, code, &mut findings);
        tests(file, code, &mut findings);
    }
    if file.path.ends_with(".md") {
        links(file, known, &mut findings);
    }
    // Lock files and recorded data are not written by hand.
    if !file.path.ends_with(".lock") && !file.path.ends_with(".snap") {
        words(file, &mut findings);
    }
    findings
}

fn bucket(file: &SourceFile, code: &str, findings: &mut Vec<Finding>) {
    let mut names = file.path.split('/').map(|part| part.trim_end_matches(".rs"));
    if let Some(name) = names.find(|name| BUCKETS.contains(name)) {
        findings.push(named_bucket(file, 1, name));
    }
    for (at, _) in code.match_indices("mod ") {
        let name = code[at + 4..].split(|char: char| !is_name(char as u8)).next().unwrap_or("");
        let is_word = at == 0 || !is_name(code.as_bytes()[at - 1]);
        if is_word
            && BUCKETS.contains(&name)
            && code[at + 4 + name.len()..].trim_start().starts_with('{')
        {
            findings.push(named_bucket(file, line_of(code, at), name));
        }
    }
}

fn named_bucket(file: &SourceFile, line: usize, name: &str) -> Finding {
    let message = format!("a module named {name} gathers everything: name its subject");
    Finding::error("bucket", file, line, message)
}

/// Tests run always and wait for states.
fn tests(file: &SourceFile, code: &str, findings: &mut Vec<Finding>) {
    let ignored = concat!("#[", "ignore");
    for (at, _) in code.match_indices(ignored) {
        let message = "an ignored test proves nothing: make it run or remove it".to_owned();
        findings.push(Finding::error("ignored", file, line_of(code, at), message));
    }
    let is_all_test = file.is_test() || file.path.starts_with("crates/tailrace-testkit/");
    let tests = if is_all_test { code.to_owned() } else { source::split_tests(code).0 };
    for sleep in ["thread::sleep", "time::sleep"] {
        for (at, _) in tests.match_indices(sleep) {
            let message = format!("{sleep} in a test: wait for a state (tailrace_testkit::wait)");
            findings.push(Finding::error("sleep", file, line_of(&tests, at), message));
        }
    }
}

fn words(file: &SourceFile, findings: &mut Vec<Finding>) {
    for (index, line) in file.text.lines().enumerate() {
        for word in UNFINISHED {
            if has_word(line, word) {
                let message = format!("{word}: finish it, or write it into the issue tracker");
                findings.push(Finding::error("unfinished", file, index + 1, message));
            }
        }
        for place in PLACES {
            if begins_path(line, place) {
                let message = format!("a path under {place} exists on one machine only");
                findings.push(Finding::error("place", file, index + 1, message));
            }
        }
    }
}

fn has_word(line: &str, word: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_none_or(|byte| !is_name(*byte));
    let bytes = line.as_bytes();
    line.match_indices(word).any(|(at, _)| {
        is_end(at.checked_sub(1).and_then(|before| bytes.get(before)))
            && is_end(bytes.get(at + word.len()))
    })
}

/// True when `place` stands at the beginning of a path and not inside a longer one or a URL.
fn begins_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|char| !(char.is_alphanumeric() || "_-./}*)$~".contains(char)))
    })
}

/// Links of documents to files of the repository must lead somewhere.
fn links(file: &SourceFile, known: &[&str], findings: &mut Vec<Finding>) {
    for (index, line) in file.text.lines().enumerate() {
        for (at, _) in line.match_indices("](") {
            let target = line[at + 2..].split([')', ' ']).next().unwrap_or("");
            let target = target.split('#').next().unwrap_or("");
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let path = resolve(&file.path, target);
            let leads = |known: &&str| {
                **known == path || known.starts_with(&format!("{}/", path.trim_end_matches('/')))
            };
            if !known.iter().any(leads) {
                let message = format!("the link to {target} leads nowhere");
                findings.push(Finding::error("link", file, index + 1, message));
            }
        }
    }
}

fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        let file = SourceFile::new(path, text.to_owned());
        let known = ["docs/a.md", "README.md"];
        check(&file, &known).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn modules_are_named_after_a_subject() {
        assert_eq!(rules("crates/a/src/utils.rs", ""), ["bucket"]);
        assert_eq!(rules("crates/a/src/common/x.rs", ""), ["bucket"]);
        assert_eq!(rules("a.rs", "mod helpers { }"), ["bucket"]);
        assert_eq!(rules("crates/a/src/utilise.rs", "mod helpers_of_old;"), [] as [&str; 0]);
    }

    #[test]
    fn tests_are_not_ignored_and_do_not_sleep() {
        assert_eq!(rules("a.rs", concat!("#[", "ignore]\nfn f() {}")), ["ignored"]);
        assert_eq!(
            rules("a.rs", "#[cfg(test)]\nmod t { fn f() { std::thread::sleep(D) } }"),
            ["sleep"]
        );
        assert_eq!(rules("a/tests/b.rs", "tokio::time::sleep(D).await"), ["sleep"]);
        assert_eq!(rules("a.rs", "fn f() { tokio::time::sleep(D) }"), [] as [&str; 0]);
    }

    #[test]
    fn unfinished_work_and_places_are_found_in_all_text() {
        assert_eq!(rules("a.toml", concat!("# TO", "DO: more")), ["unfinished"]);
        assert_eq!(rules("a.rs", concat!("fn f() {} // FIX", "ME")), ["unfinished"]);
        assert_eq!(rules("a.md", concat!("MYTO", "DOS and TO", "DO_LIST")), [] as [&str; 0]);
        assert_eq!(rules("a.md", concat!("see /ho", "me/me/x")), ["place"]);
        assert_eq!(
            rules("a.md", concat!("see $DIR/t", "mp/x and a.example/ho", "me/")),
            [] as [&str; 0]
        );
    }

    #[test]
    fn links_lead_to_files() {
        assert_eq!(
            rules("README.md", "[a](docs/a.md#part) [d](docs) [w](https://a.example)"),
            [] as [&str; 0]
        );
        assert_eq!(rules("docs/a.md", "[r](../README.md) [b](b.md)"), ["link"]);
    }
}

//! The written exceptions.

use super::Finding;

/// One exception.
struct Allowed {
    rule: &'static str,
    /// A file, or a folder when it ends in `/`.
    path: &'static str,
    /// What the finding's message begins with; all messages when empty.
    message: &'static str,
    reason: &'static str,
}

const ALLOWED: &[Allowed] = &[
    Allowed {
        rule: "sleep",
        path: "crates/tailrace-testkit/src/wait.rs",
        message: "",
        reason: "the one poll loop that all waits of the tests go through",
    },
    Allowed {
        rule: "sleep",
        path: "crates/tailrace-testkit/src/workload/session.rs",
        message: "",
        reason: "the pause of the write load between two connects to a server that is being restarted",
    },
    Allowed {
        rule: "size",
        path: "crates/tailrace/src/control/command.rs",
        message: "function allowed ",
        reason: "one flat table of the statuses in which each command is allowed",
    },
];

/// Takes the allowed findings out. Returns an error for each exception that nothing needs: it
/// would hide a later break.
pub(crate) fn apply(findings: &mut Vec<Finding>) -> Vec<String> {
    let mut used = vec![false; ALLOWED.len()];
    findings.retain(|finding| {
        let mut is_kept = true;
        for (allowed, used) in ALLOWED.iter().zip(&mut used) {
            if allowed.rule == finding.rule
                && covers(allowed.path, &finding.path)
                && finding.message.starts_with(allowed.message)
            {
                *used = true;
                is_kept = false;
            }
        }
        is_kept
    });
    let unused = ALLOWED.iter().zip(&used).filter(|(_, used)| !**used);
    unused
        .map(|(Allowed { rule, path, reason, .. }, _)| {
            format!("error: nothing breaks rule {rule} in {path} any more; remove the exception ({reason})")
        })
        .collect()
}

fn covers(allowed: &str, path: &str) -> bool {
    if allowed.ends_with('/') { path.starts_with(allowed) } else { path == allowed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &'static str, path: &str) -> Finding {
        Finding { rule, path: path.to_owned(), line: 1, message: String::new(), is_warning: false }
    }

    #[test]
    fn exceptions_hide_their_finding_only_and_must_be_needed() {
        let path = ALLOWED[0].path;
        let mut findings = vec![finding("sleep", path), finding("size", path)];
        let unused = apply(&mut findings);
        assert_eq!(findings, [finding("size", path)]);
        assert_eq!(unused.len(), ALLOWED.len() - 1);
        assert_eq!(apply(&mut Vec::new()).len(), ALLOWED.len());
    }

    #[test]
    fn a_folder_covers_what_is_in_it() {
        assert!(
            covers("a/b/", "a/b/c.rs") && !covers("a/b/", "a/bc.rs") && !covers("a/b", "a/b/c")
        );
    }
}

//! The running report of a check: one line when a step begins, one when it ends, and the sum at last.

use std::time::Instant;

use anyhow::Result;

/// Tests that passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed, and runs that ended badly without naming a failed test.
    pub(crate) failed: u64,
}

/// Collects the results of the steps of one run.
#[derive(Debug)]
pub(crate) struct Report {
    started: Instant,
    tests: Counts,
    failures: Vec<String>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), tests: Counts::default(), failures: Vec::new() }
    }

    /// Runs a step that checks something but counts no tests. True when it passed.
    pub(crate) fn check(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> bool {
        self.timed(name, || step().map(|()| Counts::default()))
    }

    /// Runs a step that counts tests. True when all of them passed.
    pub(crate) fn suite(&mut self, name: &str, step: impl FnOnce() -> Result<Counts>) -> bool {
        self.timed(name, step)
    }

    fn timed(&mut self, name: &str, step: impl FnOnce() -> Result<Counts>) -> bool {
        say(&format!("== {name} …"));
        let begun = Instant::now();
        let result = step();
        let took = begun.elapsed().as_secs_f64();
        match result {
            Ok(counts) => {
                self.tests.passed += counts.passed;
                self.tests.failed += counts.failed;
                let passed = counts.failed == 0;
                if !passed {
                    self.failures.push(format!("{name}: {} failed", counts.failed));
                }
                let word = if passed { "ok" } else { "FAILED" };
                let tests = match counts {
                    Counts { passed: 0, failed: 0 } => String::new(),
                    Counts { passed, failed } => {
                        format!(", {passed} tests passed, {failed} failed")
                    }
                };
                say(&format!("== {name}: {word} in {took:.1} s{tests}"));
                passed
            }
            Err(error) => {
                self.tests.failed += 1;
                say(&format!("== {name}: FAILED in {took:.1} s: {error:#}"));
                self.failures.push(format!("{name}: {error:#}"));
                false
            }
        }
    }

    /// Prints what failed and, as the last line, the sum. True when nothing failed and a test
    /// ran. A step that is no suite counts as one failure when it fails.
    pub(crate) fn finish(self) -> bool {
        let Counts { passed, mut failed } = self.tests;
        let mut failures = self.failures;
        if passed + failed == 0 {
            failed = 1;
            failures.push("no test ran".to_owned());
        }
        let total = self.started.elapsed().as_secs_f64();
        say(&format!("== all steps took {total:.0} s"));
        for failure in &failures {
            say(&format!("== failed: {failure}"));
        }
        say(&format!("{passed} passed, {failed} failed"));
        failed == 0
    }
}

/// One line on standard output. By `println!`, so that the test runner captures it: a line with
/// counts that a unit test prints must not be taken for a result of the run.
pub(crate) fn say(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_failed_check_and_a_failed_test_both_fail_the_run() {
        let mut report = Report::new();
        assert!(report.check("good", || Ok(())));
        assert!(report.suite("tests", || Ok(Counts { passed: 3, failed: 0 })));
        assert!(!report.check("bad", || bail!("broken")));
        assert!(!report.suite("tests", || Ok(Counts { passed: 1, failed: 2 })));
        assert_eq!(report.tests, Counts { passed: 4, failed: 3 });
        assert_eq!(report.failures, ["bad: broken", "tests: 2 failed"]);
        assert!(!report.finish());
    }

    #[test]
    fn a_run_without_tests_is_a_failure() {
        let mut report = Report::new();
        assert!(report.check("good", || Ok(())));
        assert!(!report.finish());
        let mut report = Report::new();
        assert!(report.suite("tests", || Ok(Counts { passed: 1, failed: 0 })));
        assert!(report.finish());
    }
}

//! Requests of every kind, made from the server's own document by schemathesis.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use tailrace_testkit::provision::python::SCHEMATHESIS;
use tailrace_testkit::python;
use tailrace_testkit::workload::seed;

use super::served::Served;

/// No request is answered with a fault of the server, or with what the document does not have.
#[test]
fn no_request_finds_a_fault_of_the_server() {
    let run = || -> Result<()> {
        let served = Served::start()?;
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/any_request.py");
        let endpoint = format!("http://{}", served.address());
        let credentials = served.credentials().display().to_string();
        let seed = (seed() & 0xffff_ffff).to_string();
        let envs = [
            ("TAILRACE_ENDPOINT", endpoint.as_str()),
            ("TAILRACE_CREDENTIALS", &credentials),
            ("TAILRACE_SEED", &seed),
        ];
        let printed = python::run_with(SCHEMATHESIS, &script, &[], &envs)
            .with_context(|| format!("seed {seed}; log of the server:\n{}", served.log_tail()))?;
        // `Test cases:` and below it `12841 generated, …`.
        let generated = printed.lines().find_map(|line| {
            line.trim().split_once(" generated").and_then(|(count, _)| count.parse::<u64>().ok())
        });
        ensure!(generated.is_some_and(|count| count > 1000), "seed {seed}:\n{printed}");
        Ok(())
    };
    if let Err(error) = run() {
        panic!("{error:#}");
    }
}

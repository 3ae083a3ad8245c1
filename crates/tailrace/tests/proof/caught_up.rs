//! Knowing from outside that a job has delivered all that was written.

use std::time::Duration;

use anyhow::Result;
use tailrace_testkit::checker::Tail;
use tailrace_testkit::workload::Plan;

/// Time to catch up.
const LIMIT: Duration = Duration::from_secs(300);

/// Writes one more row, after everything else, and waits until it is in the topics. `fence` makes
/// rows of different fences differ.
pub(super) fn wait(url: &str, kafka: &str, plan: &Plan, fence: i64) -> Result<()> {
    let mut tail = Tail::at_end(kafka, &plan.prefix)?;
    tailrace_testkit::workload::fence(url, plan, fence)?;
    let wanted = format!("\"version\":\"{fence}\"");
    tail.wait_for(LIMIT, |value| {
        let text = String::from_utf8_lossy(value);
        text.contains("\"table\":\"fence\"") && text.contains(&wanted)
    })
}

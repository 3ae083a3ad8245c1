//! Volume: a table of very many rows and a very large transaction, in little memory.

use anyhow::{Context as _, Result};
use tailrace_testkit::env;
use tailrace_testkit::workload::{Plan, Workload, fill, one_transaction, seed};

use super::main_job::shared_ends;
use super::policy::Policy;
use super::scene::{Scene, url};
use super::served::Served;
use super::setting;

/// What the server may take, in kB as the kernel counts.
pub(super) const PEAK_RSS_KB_MAX: u64 = 256 * 1024;
/// Bytes of the text column of a row; a row then takes about 200 bytes in the log.
const PAD_BYTES: usize = 160;

#[test]
fn many_rows_and_a_huge_transaction_take_little_memory() {
    if let Err(error) = run() {
        panic!("{error:#}");
    }
}

fn run() -> Result<()> {
    let _alone = env::alone();
    let rows = setting("TAILRACE_PROOF_ROWS", 1_000_000);
    let transaction = setting("TAILRACE_PROOF_TRANSACTION_ROWS", 1_000_000);
    let seed = seed();
    let plan = Plan {
        rows_initial: 50,
        transactions_per_second_max: 20,
        ddl_pause: None,
        ..Plan::new(seed, &format!("volume_{:x}", seed & 0xff_ffff))
    };
    let ends = shared_ends()?;
    let url = url(&ends);
    let load = Workload::start(&url, plan.clone())?;
    let (database, table) = (plan.whole(), "bulk");
    fill(&url, &database, table, rows, PAD_BYTES)?;
    let mut scene = Scene::set_up(ends, plan, Policy::OneTopicByTable)?;
    scene.drive(&["start", "@", "--", "wait", "@", "INCRE_TRANSFER_STARTED"])?;
    let full = peak_rss_kb(&scene.served)?;
    one_transaction(&url, (&database, table), (rows + 1, rows + transaction), PAD_BYTES)?;
    let summary = scene.catch_up(load)?;
    let peak = peak_rss_kb(&scene.served)?;
    scene.drive(&["pause", "@", "--", "wait", "@", "PAUSING"])?;
    let report = scene.judge(&summary)?;
    assert_eq!(
        report.rows_compared.get(&format!("{database}.{table}")),
        Some(&(rows + transaction))
    );
    assert!(
        peak <= PEAK_RSS_KB_MAX,
        "peak RSS was {full} kB after the full phase and {peak} kB at the end; {PEAK_RSS_KB_MAX} kB are allowed"
    );
    scene.end_and_delete()
}

/// `VmHWM`: the most memory that the process ever had.
pub(super) fn peak_rss_kb(served: &Served) -> Result<u64> {
    let pid = served.pid().context("no server runs")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok()
        })
        .context("no VmHWM in the process status")
}

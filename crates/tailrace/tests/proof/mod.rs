//! The proofs of the main job: a real MySQL under load, a real Kafka, the built binary driven by the
//! official SDK, and a checker that shares no code with it.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `TAILRACE_SEED` | repeats the random choices of a run | random, printed |
//! | `TAILRACE_PROOF_KILLS` | `kill -9` of the server | 100 |
//! | `TAILRACE_PROOF_ROWS` | rows of the large table | 1 000 000 |
//! | `TAILRACE_PROOF_TRANSACTION_ROWS` | rows of the large transaction, of about 200 bytes | 1 000 000 |
//! | `TAILRACE_PROOF_ORACLE_ROW_BYTES` | bytes of a row of the large transaction from Oracle, which has a quarter as many; at most 4000 | 186 |

mod any_request;
mod caught_up;
mod kills;
pub(crate) mod main_job;
mod metrics;
mod oracle_job;
mod oracle_scene;
mod policy;
pub(crate) mod scene;
mod sdk_contract;
mod sdk_languages;
pub(crate) mod served;
mod standin_process;
mod volume;

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

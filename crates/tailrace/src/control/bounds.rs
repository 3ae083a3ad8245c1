//! Bounds and intervals of the control plane.

use std::time::Duration;

/// Bounds and intervals of the control plane. Tests shorten them; users need not.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Jobs of one project.
    pub jobs_per_project_max: u64,
    /// Probes (connection tests, collections, prechecks) at the same time.
    pub probes_max: usize,
    /// Comparisons at the same time; more wait.
    pub comparisons_max: usize,
    /// Time one connection test may take.
    pub connection_age_max: Duration,
    /// Time one collection may take.
    pub collection_age_max: Duration,
    /// Time one precheck may take.
    pub precheck_age_max: Duration,
    /// Time the removal of progress records may take.
    pub forget_age_max: Duration,
    /// Time a reading of the dead-letter topic may take.
    pub letters_age_max: Duration,
    /// Time a data path may take to stop when its job ends; when that is forced, a fifth of it.
    pub release_stop_age_max: Duration,
    /// How often a worker writes progress, renews its lease and looks at the clock.
    pub tick: Duration,
    /// How often the store is searched for jobs that no worker looks after.
    pub scan_interval: Duration,
    /// How long a lease holds without renewal.
    pub lease_age_max: Duration,
    /// Wait before the first retry; each further one doubles it.
    pub retry_delay_min: Duration,
    /// Longest wait before a retry.
    pub retry_delay_max: Duration,
    /// Retries of errors that may or may not go away by themselves.
    pub retries_max: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            jobs_per_project_max: 1000,
            probes_max: 8,
            comparisons_max: 2,
            connection_age_max: Duration::from_secs(30),
            collection_age_max: Duration::from_secs(120),
            precheck_age_max: Duration::from_secs(300),
            forget_age_max: Duration::from_secs(15),
            letters_age_max: Duration::from_secs(30),
            release_stop_age_max: Duration::from_secs(50),
            tick: Duration::from_secs(1),
            scan_interval: Duration::from_secs(15),
            lease_age_max: Duration::from_secs(30),
            retry_delay_min: Duration::from_secs(1),
            retry_delay_max: Duration::from_secs(60),
            retries_max: 3,
        }
    }
}

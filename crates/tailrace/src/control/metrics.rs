//! Metrics of jobs in Prometheus text form. They are written out when asked for, from what is there
//! at that moment, so a job that is gone leaves no series behind.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use tailrace_pipeline::stages::Wait;
use tokio::time::Instant;

use super::Control;
use super::live::LiveJob;
use super::machine;
use super::view::Totals;
use crate::telemetry;

struct Series {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&LiveJob, &Totals, i64) -> Option<f64>,
}

const fn total(
    name: &'static str,
    help: &'static str,
    value: fn(&LiveJob, &Totals, i64) -> Option<f64>,
) -> Series {
    Series { name, kind: "counter", help, value }
}

const SERIES: [Series; 15] = [
    total("tailrace_job_snapshot_rows_total", "Rows of the full phase delivered.", |_, t, _| {
        Some(t.snapshot_rows as f64)
    }),
    total("tailrace_job_inserts_total", "Inserts delivered.", |_, t, _| Some(t.inserts as f64)),
    total("tailrace_job_updates_total", "Updates delivered.", |_, t, _| Some(t.updates as f64)),
    total("tailrace_job_deletes_total", "Deletes delivered.", |_, t, _| Some(t.deletes as f64)),
    total("tailrace_job_ddls_total", "DDL statements delivered.", |_, t, _| Some(t.ddls as f64)),
    total(
        "tailrace_job_dead_letters_total",
        "Changes that went to the dead-letter topic.",
        |_, t, _| Some(t.dead_letters as f64),
    ),
    total("tailrace_job_transactions_total", "Source transactions delivered.", |_, t, _| {
        Some(t.transactions as f64)
    }),
    total("tailrace_job_messages_total", "Messages delivered.", |_, t, _| Some(t.messages as f64)),
    total("tailrace_job_source_bytes_total", "Bytes read from the source.", |_, t, _| {
        Some(t.bytes_in as f64)
    }),
    total("tailrace_job_target_bytes_total", "Bytes of messages delivered.", |_, t, _| {
        Some(t.bytes_out as f64)
    }),
    Series {
        name: "tailrace_job_running",
        kind: "gauge",
        help: "1 while a data path runs in this process.",
        value: |live, _, _| Some(f64::from(u8::from(live.is_running()))),
    },
    Series {
        name: "tailrace_job_delay_seconds",
        kind: "gauge",
        help: "How far the target is behind the source.",
        value: |live, totals, now_ms| {
            if live.counters.idle.load(Ordering::Relaxed) {
                return Some(0.0);
            }
            (totals.source_time_ms > 0)
                .then(|| (now_ms - totals.source_time_ms).max(0) as f64 / 1000.0)
        },
    },
    Series {
        name: "tailrace_job_read_delay_seconds",
        kind: "gauge",
        help: "How long after its commit the newest change was read; what is above that of the delay is delivery.",
        value: |live, _, _| live.counters.stages.read_delay_ms().map(|ms| ms as f64 / 1000.0),
    },
    Series {
        name: "tailrace_job_rows_per_second",
        kind: "gauge",
        help: "Rows delivered per second over the last ten seconds.",
        value: |live, _, _| Some(live.rates(Instant::now()).rows),
    },
    Series {
        name: "tailrace_job_snapshot_rows_estimated",
        kind: "gauge",
        help: "Rows of the full phase in all, estimated.",
        value: |_, t, _| Some(t.snapshot_rows_estimated as f64),
    },
];

impl Control {
    /// All metrics of this process in Prometheus text form. A store that does not answer costs the
    /// counts of jobs, nothing else.
    pub async fn render_metrics(&self) -> String {
        let mut text = telemetry::render_metrics();
        let now_ms = self.inner.now_ms();
        let jobs: Vec<_> = self
            .inner
            .live_jobs()
            .into_iter()
            .map(|(id, live)| (id, live.totals(), live))
            .collect();
        for series in &SERIES {
            head(&mut text, series.name, series.kind, series.help);
            for (id, totals, live) in &jobs {
                if let Some(value) = (series.value)(live, totals, now_ms) {
                    // Ids are letters, digits and dashes: nothing to escape.
                    let _ = writeln!(text, "{}{{job_id=\"{id}\"}} {value}", series.name);
                }
            }
        }
        let name = "tailrace_job_wait_seconds_total";
        head(&mut text, name, "counter", "Time that threads of the job waited, by what for.");
        for (id, _, live) in &jobs {
            for (wait, time) in Wait::ALL.iter().zip(live.counters.stages.waits()) {
                let (cause, seconds) = (wait.name(), time.as_secs_f64());
                let _ = writeln!(text, "{name}{{job_id=\"{id}\",cause=\"{cause}\"}} {seconds}");
            }
        }
        match self.inner.store.status_counts().await {
            Ok(counts) => {
                head(&mut text, "tailrace_jobs", "gauge", "Jobs by status.");
                for (status, count) in counts {
                    let _ = writeln!(text, "tailrace_jobs{{status=\"{status}\"}} {count}");
                }
            }
            Err(e) => tracing::error!("jobs cannot be counted: {e}"),
        }
        let memory = "process_resident_memory_bytes";
        head(&mut text, memory, "gauge", "Resident memory.");
        let _ = writeln!(text, "{memory} {}", machine::resident_bytes());
        let cpu = "process_cpu_seconds_total";
        head(&mut text, cpu, "counter", "CPU time of user and system.");
        let _ = writeln!(text, "{cpu} {}", machine::cpu_seconds());
        text
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

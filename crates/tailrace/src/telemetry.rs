//! Logs and metrics of the process.

/// Renders all metrics in Prometheus text form.
#[allow(clippy::todo, reason = "signatures first")]
pub fn render_metrics() -> String {
    todo!()
}

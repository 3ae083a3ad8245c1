//! What every handler has: the control plane and the API's own bounds.

use std::{sync::Arc, time::Duration};

use super::origin::TrustedProxies;
use crate::{
    audit::AuditLog,
    clock::{Clock, SystemClock},
    control::Control,
};

use super::rate::Rate;

/// Bounds of the API.
#[derive(Debug, Clone, Copy)]
pub struct ApiLimits {
    /// Bytes of a request body.
    pub body_bytes_max: usize,
    /// Bytes of a body that is too large which are read and dropped before the refusal, so that a
    /// client that sends first and reads later sees it.
    pub body_drain_bytes_max: usize,
    /// Time from the request's head to its answer.
    pub request_duration_max: Duration,
    /// Requests of one access key, and of one user by tokens.
    pub rate_per_key: Rate,
    /// Requests from one address.
    pub rate_per_address: Rate,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 6 << 20,
            body_drain_bytes_max: 64 << 20,
            request_duration_max: Duration::from_secs(100),
            rate_per_key: Rate::per_second(500),
            rate_per_address: Rate::per_second(1000),
        }
    }
}

/// State of the router.
#[derive(Clone)]
pub(crate) struct ApiState {
    /// The control plane.
    pub control: Control,
    /// Bounds.
    pub limits: ApiLimits,
    /// Whose word is taken for where a request comes from.
    pub proxies: Arc<TrustedProxies>,
    /// Time of day, for the age of signatures.
    pub clock: Arc<dyn Clock>,
    /// Where changes are written down.
    pub audit: Option<AuditLog>,
}

impl ApiState {
    /// State with the machine's clock.
    pub(crate) fn new(
        control: Control,
        limits: ApiLimits,
        audit: Option<AuditLog>,
        proxies: TrustedProxies,
    ) -> Self {
        let proxies = Arc::new(proxies);
        Self { control, limits, proxies, clock: Arc::new(SystemClock), audit }
    }
}

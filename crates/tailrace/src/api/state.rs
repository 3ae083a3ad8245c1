//! What every handler has: the control plane and the API's own bounds.

use std::{sync::Arc, time::Duration};

use super::origin::TrustedProxies;
use crate::{
    clock::{Clock, SystemClock},
    control::Control,
};

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
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 6 << 20,
            body_drain_bytes_max: 64 << 20,
            request_duration_max: Duration::from_secs(100),
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
}

impl ApiState {
    /// State with the machine's clock.
    pub(crate) fn new(control: Control, limits: ApiLimits, proxies: TrustedProxies) -> Self {
        let proxies = Arc::new(proxies);
        Self { control, limits, proxies, clock: Arc::new(SystemClock) }
    }
}

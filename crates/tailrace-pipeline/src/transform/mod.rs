//! From decoded rows to routed messages.

pub(crate) mod compose;
pub(crate) mod route;

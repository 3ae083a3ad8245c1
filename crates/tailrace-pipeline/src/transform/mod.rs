//! From decoded rows to routed messages.

pub(crate) mod compose;
pub(crate) mod dead_letter;
pub(crate) mod headers;
pub(crate) mod markers;
pub(crate) mod route;
pub(crate) mod table_sink;

//! Where rows and changes come from.

pub(crate) mod mysql;
pub(crate) mod oracle;
mod throttle;

pub(crate) use throttle::Throttle;

//! `/v3/{project_id}/jobs…`: the batch operations. Only they can configure a Kafka link.

pub(crate) mod batch;
pub(crate) mod compare;
pub(crate) mod connection;
pub(crate) mod create;
pub(crate) mod endpoint;
pub(crate) mod list;
pub(crate) mod modify;
pub(crate) mod objects;
pub(crate) mod offers;
pub(crate) mod operate;
pub(crate) mod policy;
pub(crate) mod precheck;
pub(crate) mod read;
pub(crate) mod settings;
pub(crate) mod transformation;
pub(crate) mod tuning;

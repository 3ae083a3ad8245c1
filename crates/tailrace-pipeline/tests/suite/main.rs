//! The data path against a real MySQL and a real Kafka.

mod job_life;
mod support;
mod types;

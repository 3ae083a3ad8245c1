//! The data path against a real MySQL and a real Kafka.

mod avro;
mod beside;
mod canal;
mod chunk_keys;
mod column_types;
mod debezium;
mod delay;
mod failover;
mod job_life;
mod kafka_sink;
mod log_place;
mod mapping;
mod mariadb;
mod maxwell;
mod online_schema;
mod pace;
mod precheck;
mod random_rows;
mod row_filter;
mod schema_history;
mod slow_commit;
mod source_login;
mod support;
mod tombstones;
mod topics_ahead;
mod xa;

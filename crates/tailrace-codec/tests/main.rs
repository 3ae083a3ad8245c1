//! Tests of the codec against logs that real servers wrote.

mod binlog;
mod full_phase;

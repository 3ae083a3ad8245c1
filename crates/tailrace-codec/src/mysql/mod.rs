//! MySQL client/server protocol pieces without IO.

/// Session settings that every reading connection of the full phase must make.
pub const SNAPSHOT_SESSION: &[&str] = &[
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES', \
     net_write_timeout = 3600, net_read_timeout = 3600",
];

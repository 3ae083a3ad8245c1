//! Ports for servers that the demo starts.

use std::net::TcpListener;

/// A port of 127.0.0.1 that is free now.
pub(crate) fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

//! MySQL and what speaks its protocol.
mod tls;
mod transport;

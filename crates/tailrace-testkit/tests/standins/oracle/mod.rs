//! The server that stands in for Oracle.

mod clients;

use tailrace_testkit::oracle::{OracleOptions, OracleServer};

const USER: &str = "SHOP";
const PASSWORD: &str = "Geheim_123";

fn server() -> OracleServer {
    OracleServer::start(OracleOptions::with_user(USER, PASSWORD)).expect("the server")
}

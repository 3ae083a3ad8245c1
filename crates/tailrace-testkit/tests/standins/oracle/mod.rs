//! The server that stands in for Oracle.

mod clients;
mod containers;
mod mining;

use oracledb::{Config, Connection, Error};
use tailrace_testkit::oracle::{OracleOptions, OracleServer};

const USER: &str = "SHOP";
const PASSWORD: &str = "Geheim_123";

fn server() -> OracleServer {
    OracleServer::start(OracleOptions::with_user(USER, PASSWORD)).expect("the server")
}

fn connect(port: u16, password: &str) -> Result<Connection, Error> {
    connect_to(port, "standin", password)
}

fn connect_to(port: u16, service: &str, password: &str) -> Result<Connection, Error> {
    let config = Config::default()
        .set_credentials("shop", password)
        .set_connect_string(&format!("127.0.0.1:{port}/{service}"))?;
    oracledb::connect(config)
}

//! The stand-in for Oracle as a process of its own: `oracle-standin USER`, the password in `PASSWORD`. Prints its port and runs
//! until its input ends.

use std::io::{Read as _, Write as _};

use tailrace_testkit::oracle::{OracleOptions, OracleServer};

fn main() -> anyhow::Result<()> {
    let user = std::env::args().nth(1).unwrap_or_else(|| "SHOP".to_owned());
    let password = std::env::var("PASSWORD")?;
    let server = OracleServer::start(OracleOptions::with_user(&user, &password))?;
    println!("{}", server.port());
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

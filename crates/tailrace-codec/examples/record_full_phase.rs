//! `record_full_phase ADDRESS USER PASSWORD DATABASE OUT`: reads catalog and rows of a database the way
//! the full phase does and writes what the server sent, as a fixture for `tests/full_phase`.
//!
//! The file holds one record per statement: the statement, its row packets, an empty record; each is
//! four bytes of length (little-endian) and the bytes. It uses plain TCP and no threads; a user with
//! `caching_sha2_password` must be in the server's cache (log in once with a client).

use std::{
    error::Error,
    io::{BufReader, Read, Write},
    net::TcpStream,
};

use tailrace_codec::mysql::{
    AuthPlugin, AuthReply, CACHING_SHA2_FAST_OK, Catalog, Greeting, HandshakeResponse,
    PACKET_HEADER_BYTES, PacketHeader, QueryResponse, RowPacket, SNAPSHOT_SESSION, ServerVersion,
    TextRow, capability, collations_query, columns_query, com_query, com_quit, keys_query,
    parse_auth_reply, scramble, select_list,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Connection {
    stream: BufReader<TcpStream>,
    sequence: u8,
    deprecate_eof: bool,
    version: ServerVersion,
}

impl Connection {
    fn open(address: &str, user: &str, password: &str) -> Result<Self> {
        let stream = BufReader::new(TcpStream::connect(address)?);
        let version = ServerVersion { mariadb: false, major: 0, minor: 0, patch: 0 };
        let mut connection = Self { stream, sequence: 0, deprecate_eof: false, version };
        let greeting = Greeting::parse(&connection.receive()?)?;
        connection.version = greeting.version()?;
        let mut plugin = AuthPlugin::from_name(&greeting.auth_plugin)?;
        let response = HandshakeResponse {
            user,
            database: None,
            plugin,
            auth_response: &scramble(plugin, password.as_bytes(), &greeting.nonce),
            attributes: &[("program_name", "tailrace")],
        };
        let agreed = response.capabilities(&greeting, false);
        connection.deprecate_eof = agreed & capability::DEPRECATE_EOF != 0;
        connection.send(&response.to_bytes(&greeting, false)?)?;
        loop {
            let payload = connection.receive()?;
            match parse_auth_reply(&payload)? {
                AuthReply::Ok(_) => return Ok(connection),
                AuthReply::Err(error) => return Err(error.into()),
                AuthReply::Switch { plugin: name, nonce } => {
                    plugin = AuthPlugin::from_name(&name)?;
                    connection.send(&scramble(plugin, password.as_bytes(), &nonce))?;
                }
                AuthReply::More(more) if more.0 == [CACHING_SHA2_FAST_OK] => {}
                AuthReply::More(_) => return Err("log in once with a client, then again".into()),
            }
        }
    }

    fn send(&mut self, payload: &[u8]) -> Result<()> {
        let header = PacketHeader { length: payload.len(), sequence: self.sequence };
        let packet = [&header.to_bytes()?[..], payload].concat();
        self.stream.get_mut().write_all(&packet)?;
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }

    fn receive(&mut self) -> Result<Vec<u8>> {
        let mut payload = Vec::new();
        loop {
            let mut header = [0; PACKET_HEADER_BYTES];
            self.stream.read_exact(&mut header)?;
            let header = PacketHeader::parse(&header)?;
            self.sequence = header.sequence.wrapping_add(1);
            let start = payload.len();
            payload.resize(start + header.length, 0);
            self.stream.read_exact(&mut payload[start..])?;
            if !header.is_continued() {
                return Ok(payload);
            }
        }
    }

    /// Row packets of a statement.
    fn query(&mut self, sql: &str) -> Result<Vec<Vec<u8>>> {
        self.sequence = 0;
        self.send(&com_query(sql))?;
        let columns = match QueryResponse::parse(&self.receive()?)? {
            QueryResponse::Ok(_) => return Ok(Vec::new()),
            QueryResponse::Err(error) => return Err(format!("{sql}: {error}").into()),
            QueryResponse::ResultSet { columns } => columns,
        };
        for _ in 0..columns + usize::from(!self.deprecate_eof) {
            self.receive()?;
        }
        let mut rows = Vec::new();
        loop {
            let payload = self.receive()?;
            match RowPacket::parse(&payload, self.deprecate_eof)? {
                RowPacket::Row(_) => rows.push(payload),
                RowPacket::End { .. } => return Ok(rows),
                RowPacket::Err(error) => return Err(error.into()),
            }
        }
    }
}

fn write_record(out: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    out.extend_from_slice(&u32::try_from(bytes.len())?.to_le_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn record(connection: &mut Connection, out: &mut Vec<u8>, sql: &str) -> Result<Vec<Vec<u8>>> {
    let rows = connection.query(sql)?;
    write_record(out, sql.as_bytes())?;
    for row in &rows {
        write_record(out, row)?;
    }
    write_record(out, &[])?;
    Ok(rows)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, user, password, database, path] = &arguments[..] else {
        return Err("usage: record_full_phase ADDRESS USER PASSWORD DATABASE OUT".into());
    };
    let mut connection = Connection::open(address, user, password)?;
    for statement in SNAPSHOT_SESSION {
        connection.query(statement)?;
    }
    let mut out = Vec::new();
    let mut catalog = Catalog::new();
    let collations = collations_query(connection.version);
    for row in record(&mut connection, &mut out, collations)? {
        catalog.add_collation(&TextRow::new(&row).to_vec(2)?)?;
    }
    for row in record(&mut connection, &mut out, &columns_query(database, None))? {
        catalog.add_column(&TextRow::new(&row).to_vec(12)?)?;
    }
    for row in record(&mut connection, &mut out, &keys_query(database, None))? {
        catalog.add_key_column(&TextRow::new(&row).to_vec(4)?)?;
    }
    for ((database, table), schema) in catalog.finish() {
        let columns = select_list(&schema?);
        record(
            &mut connection,
            &mut out,
            &format!("SELECT {columns} FROM `{database}`.`{table}`"),
        )?;
    }
    connection.sequence = 0;
    connection.send(&com_quit())?;
    std::fs::write(path, out)?;
    Ok(())
}

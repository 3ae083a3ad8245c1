//! From the first packet to a user who is logged in.

use std::collections::BTreeMap;
use std::io::{Read, Result, Write};

use super::reply::Reply;
use super::{MESSAGE_CALL, OraError, Served, call};
use crate::oracle::wire::login::{Login, SESSION_ROUNDS, VERIFIER_KIND, VERIFIER_ROUNDS, digits};
use crate::oracle::wire::packet::{SDU, broken, kind};
use crate::oracle::wire::read::Reader;
use crate::oracle::wire::write::Writer;

/// The protocol's version that is spoken: the last before fast logins and ends of responses.
const VERSION: u16 = 318;
/// Version of messages: Oracle 19.1.
const FIELD_VERSION: u8 = 12;
/// Logins that are known: O3LOGON to O9LOGON, as a server of that version says.
const LOGINS: u8 = 0xef;
/// The end of a call tells its status.
const CALL_STATUS: u8 = 1;
/// And the sequence of calls (fast propagation of sessions).
const CALL_SEQUENCE: u8 = 0x10;
/// Lengths of the pieces of long values are numbers, not bytes.
const BIG_PIECES: u8 = 0x20;
/// Oracle 19.3, as clients take it apart.
pub(super) const SERVER_VERSION: u32 = 19 << 24 | 3 << 16;
/// AL32UTF8 and AL16UTF16.
const CHARSET: u16 = 873;
const NATIONAL_CHARSET: u16 = 2000;

/// The service that the client is connected to; `None` if it is not known and the client was told.
pub(super) fn connect<S: Read + Write>(
    reader: &mut Reader<S>,
    served: &Served,
) -> Result<Option<String>> {
    let (packet, content) = reader.packets.receive()?;
    if packet != kind::CONNECT || content.len() < 20 {
        return Err(broken("a first packet"));
    }
    let number = |at: usize| u16::from_be_bytes([content[at], content[at + 1]]);
    let (length, offset) = (usize::from(number(16)), usize::from(number(18)));
    let mut text =
        offset.checked_sub(8).and_then(|at| content.get(at..)).unwrap_or_default().to_vec();
    if text.len() < length {
        // A long one comes in a packet of its own.
        text = reader.packets.receive_data()?;
    }
    let text = String::from_utf8_lossy(&text).to_uppercase();
    let wanted = ["SERVICE_NAME", "SID"].iter().find_map(|name| value_of(&text, name));
    let wanted = wanted.unwrap_or_default();
    if !served.services.contains(&wanted) {
        let (code, what) = if text.contains("(SERVICE_NAME=") {
            (
                12514,
                "(DESCRIPTION=(ERR=12514)(VSNNUM=318767104)(ERROR_STACK=(ERROR=(CODE=12514)(EMFI=4))))",
            )
        } else {
            (
                12505,
                "(DESCRIPTION=(ERR=12505)(VSNNUM=318767104)(ERROR_STACK=(ERROR=(CODE=12505)(EMFI=4))))",
            )
        };
        let _ = code;
        let length = u16::try_from(what.len()).unwrap_or_default().to_be_bytes();
        let refusal = [&[4, 4][..], &length, what.as_bytes()].concat();
        reader.packets.send(kind::REFUSE, &refusal)?;
        return Ok(None);
    }
    let sdu = u16::try_from(SDU).unwrap_or(u16::MAX).to_be_bytes();
    let long_sdu = u32::try_from(SDU).unwrap_or(u32::MAX).to_be_bytes();
    let accept = [
        &number(0).min(VERSION).to_be_bytes()[..],
        // No data out of band.
        &[0, 0],
        &sdu,
        &sdu,
        &256_u16.to_be_bytes(),
        &[0, 0],
        &41_u16.to_be_bytes(),
        // No services of the network: encryption, checksums.
        &[4, 4],
        &[0; 8],
        &long_sdu,
        &long_sdu,
        &[0],
        // Neither fast logins nor ends of responses.
        &[0; 4],
    ]
    .concat();
    reader.packets.send(kind::ACCEPT, &accept)?;
    reader.packets.long_lengths = true;
    Ok(Some(wanted))
}

fn value_of(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("({name}="))?;
    Some(rest.split(')').next()?.trim().to_owned())
}

/// The user who is logged in; `None` if it was refused.
pub(super) fn log_in<S: Read + Write>(
    reader: &mut Reader<S>,
    served: &Served,
) -> Result<Option<String>> {
    let mut login = None;
    loop {
        reader.next_message()?;
        let mut answer = Writer::default();
        match reader.u8()? {
            1 => {
                reader.is_java = String::from_utf8_lossy(reader.rest()).contains("Java_TTC");
                protocol(&mut answer);
            }
            // No types that are converted: the list ends where it begins. Java's has shorter entries.
            2 if reader.is_java => {
                answer.raw(&[2, 0]);
            }
            2 => {
                answer.raw(&[2, 0, 0]);
            }
            MESSAGE_CALL => {
                let (function, sequence) = (reader.u8()?, reader.u8()?);
                let (user, pairs) = auth(reader)?;
                match function {
                    call::AUTH_QUESTION => {
                        let password = served.passwords.get(&user).map(String::as_str);
                        let question = Login::new(password);
                        ask(&mut answer, &question);
                        login = Some(question);
                    }
                    call::AUTH_PROOF => {
                        let login: Option<&Login> = login.as_ref();
                        let said = |name: &str| pairs.get(name).map_or("", String::as_str);
                        let proof = login
                            .and_then(|l| l.answer(said("AUTH_SESSKEY"), said("AUTH_PASSWORD")));
                        let is_in = proof.is_some();
                        let reply = proved(answer, proof, sequence);
                        reader.packets.send_data(&reply)?;
                        return Ok(Some(user).filter(|_| is_in));
                    }
                    other => return Err(broken(&format!("function {other} before the login"))),
                }
            }
            other => return Err(broken(&format!("a message of kind {other} before the login"))),
        }
        reader.packets.send_data(&answer.0)?;
    }
}

fn protocol(answer: &mut Writer) {
    let mut compile = [0; 55];
    compile[4] = LOGINS;
    compile[7] = FIELD_VERSION;
    compile[15] = CALL_STATUS;
    compile[16] = CALL_SEQUENCE;
    compile[37] = BIG_PIECES;
    // Texts of 4000 bytes at most: MAX_STRING_SIZE is STANDARD.
    let runtime = [0; 13];
    let functions = [&[0; 9][..], &NATIONAL_CHARSET.to_be_bytes()].concat();
    answer.raw(&[1, 6, 0]).raw(b"x86_64/Linux 2.4.xx\0").raw(&CHARSET.to_le_bytes()).u8(1);
    answer.raw(&[0, 0]);
    answer.raw(&u16::try_from(functions.len()).unwrap_or(0).to_be_bytes()).raw(&functions);
    answer.bytes(&compile).bytes(&runtime);
}

/// The user, and pairs of names and values.
fn auth<S: Read + Write>(reader: &mut Reader<S>) -> Result<(String, BTreeMap<String, String>)> {
    let has_user = reader.u8()? != 0;
    let length = reader.count()?;
    reader.number()?;
    reader.u8()?;
    let count = reader.count()?;
    reader.raw(2)?;
    let text = |bytes: Option<Vec<u8>>| {
        let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
        text.trim_end_matches('\0').to_owned()
    };
    let user = if has_user { reader.text(length)?.to_uppercase() } else { String::new() };
    let mut pairs = BTreeMap::new();
    for _ in 0..count {
        let name = text(reader.double_bytes()?);
        let value = text(reader.double_bytes()?);
        reader.number()?;
        pairs.insert(name, value);
    }
    Ok((user.trim_matches('"').to_owned(), pairs))
}

fn ask(answer: &mut Writer, login: &Login) {
    let id: [u8; 16] = rand::random();
    pairs(
        answer,
        &[
            ("AUTH_SESSKEY", login.session_key(), 0),
            ("AUTH_VFR_DATA", digits(&login.salt), VERIFIER_KIND),
            ("AUTH_PBKDF2_CSK_SALT", digits(&login.session_salt), 0),
            ("AUTH_PBKDF2_VGEN_COUNT", VERIFIER_ROUNDS.to_string(), 0),
            ("AUTH_PBKDF2_SDER_COUNT", SESSION_ROUNDS.to_string(), 0),
            ("AUTH_GLOBALLY_UNIQUE_DBID\0", digits(&id), 0),
        ],
    );
    let mut reply = Reply::default();
    reply.status();
    answer.raw(&reply.into_bytes());
}

fn proved(mut answer: Writer, proof: Option<String>, call: u8) -> Vec<u8> {
    let mut reply = Reply::default();
    reply.call = call;
    let Some(proof) = proof else {
        let error = OraError::new(1017, "invalid username/password; logon denied");
        reply.error(&error, 0, 0);
        return reply.into_bytes();
    };
    let text = str::to_owned;
    pairs(
        &mut answer,
        &[
            ("AUTH_VERSION_STRING", text("- Stand-in"), 0),
            ("AUTH_VERSION_SQL", text("25"), 0),
            ("AUTH_VERSION_NO", SERVER_VERSION.to_string(), 0),
            ("AUTH_SESSION_ID", text("77"), 0),
            ("AUTH_SERIAL_NUM", text("5"), 0),
            ("AUTH_INSTANCE_NO", text("1"), 0),
            ("AUTH_DBNAME", text("STANDIN"), 0),
            ("AUTH_SC_SERVER_HOST", text("localhost"), 0),
            ("AUTH_SC_INSTANCE_NAME", text("STANDIN"), 0),
            ("AUTH_SC_DBUNIQUE_NAME", text("STANDIN"), 0),
            ("AUTH_SC_SERVICE_NAME", text("STANDIN"), 0),
            ("AUTH_INSTANCENAME", text("STANDIN"), 0),
            ("AUTH_MAX_OPEN_CURSORS", text("300"), 0),
            ("AUTH_SVR_RESPONSE", proof, 0),
        ],
    );
    reply.status();
    answer.raw(&reply.into_bytes());
    answer.0
}

fn pairs(answer: &mut Writer, pairs: &[(&str, String, u64)]) {
    answer.u8(8).count(pairs.len());
    for (name, value, flags) in pairs {
        answer.double_bytes(name.as_bytes()).double_bytes(value.as_bytes()).number(*flags);
    }
}

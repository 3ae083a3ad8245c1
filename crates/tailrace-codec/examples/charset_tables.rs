//! Makes the character set tables of this crate from what a MySQL server converts.
//!
//! ```text
//! cargo run -p tailrace-codec --example charset_tables -- sql |
//!   mysql --force --skip-column-names 2>/dev/null |
//!   cargo run -p tailrace-codec --example charset_tables -- build crates/tailrace-codec/src/charset/tables
//! ```
//!
//! `sql` prints one statement per byte sequence, so that `--force` steps over those that are no
//! sequence of the character set. `build` reads the rows that come back, tab-separated:
//! `code <character set> <bytes, hex> <UTF-8, hex>`, and writes
//!
//! - `single_byte.bin`: per character set, its name in 16 bytes padded with zeros, then 256 code points;
//! - `<name>.bin` of a set of two bytes: first and last lead byte, first and last trail byte, then
//!   the code points, lead by lead;
//! - `gb18030_runs.bin`: runs of the four-byte sequences below U+10000, each its first sequence as a
//!   linear index, its length and its first code point.
//!
//! Numbers are little-endian `u16`; the code point 0 stands for `no such character`.
//!
//! The fixtures of the tests hold what the server makes of any bytes, well-formed or not. Such bytes
//! get into a column only behind the server's back:
//!
//! ```text
//! charset_tables rows two > $DIR/rows.tsv
//! CREATE TABLE b (id INT NOT NULL, b VARBINARY(12) NOT NULL) ENGINE=MyISAM;
//! LOAD DATA INFILE '$DIR/rows.tsv' INTO TABLE b (id, @h) SET b = UNHEX(@h);
//! CREATE TABLE c (id INT NOT NULL, c VARCHAR(6) CHARACTER SET gbk NOT NULL) ENGINE=MyISAM;
//! FLUSH TABLES;        -- then copy b.MYD to c.MYD and b.MYI to c.MYI, and again
//! FLUSH TABLES;
//! mysql --skip-column-names -e 'SELECT HEX(CONVERT(c USING utf8mb4)) FROM c ORDER BY id' |
//!   charset_tables digest gbk two >> server_digests.tsv
//! ```
//!
//! 12 bytes are 12, 6, 4 or 3 characters by the set's longest character. `digest` takes a third
//! argument, prefixes of sequences that are left out, for which the server sends what is no UTF-8.
//! ASCII is converted by way of utf16, because the server refuses the direct way for bad bytes, where
//! a client would get `?`.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;

use failure::{Failure, fail};
use sequences::sequences;

#[path = "../src/charset/tests/sequences.rs"]
mod sequences;

/// The sets of one byte, ASCII among them.
const SINGLE: [&str; 25] = [
    "armscii8", "ascii", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "dec8",
    "geostd8", "greek", "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "latin1", "latin2", "latin5",
    "latin7", "macce", "macroman", "swe7", "tis620",
];

/// The sets whose characters beyond ASCII have two bytes (and some of them more).
const DOUBLE: [&str; 9] =
    ["big5", "cp932", "eucjpms", "euckr", "gb18030", "gb2312", "gbk", "sjis", "ujis"];

/// The sets with a plane of three bytes behind 0x8F.
const TRIPLE: [&str; 2] = ["eucjpms", "ujis"];

/// Four-byte sequences of gb18030 below this linear index are those of the basic plane.
const GB18030_BASIC: u32 = 39_420;

/// Byte sequence to code point.
type Codes = BTreeMap<Vec<u8>, u16>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["sql"] => print_sql(&mut std::io::stdout().lock()),
        ["build", directory] => build(std::io::stdin().lock(), Path::new(directory)),
        ["rows", set] => print_rows(set, &mut std::io::stdout().lock()),
        ["digest", charset, set] => digest(charset, set, "", std::io::stdin().lock()),
        ["digest", charset, set, left_out] => {
            digest(charset, set, left_out, std::io::stdin().lock())
        }
        _ => fail(
            "usage: charset_tables sql | build DIRECTORY | rows SET | digest CHARSET SET [PREFIX,…]",
        ),
    }
}

fn print_sql(out: &mut impl Write) -> Result<(), Failure> {
    for set in SINGLE {
        for byte in 0..=255 {
            print_statement(out, set, &[byte])?;
        }
    }
    for set in DOUBLE {
        for lead in 0x81..=0xFE {
            print_statement(out, set, &[lead])?;
            for trail in 0x40..=0xFE {
                print_statement(out, set, &[lead, trail])?;
            }
        }
    }
    for set in TRIPLE {
        for second in 0xA1..=0xFE {
            for third in 0xA1..=0xFE {
                print_statement(out, set, &[0x8F, second, third])?;
            }
        }
    }
    for index in 0..GB18030_BASIC {
        print_statement(out, "gb18030", &gb18030_bytes(index))?;
    }
    Ok(())
}

fn print_statement(out: &mut impl Write, set: &str, bytes: &[u8]) -> Result<(), Failure> {
    let bytes = hex::encode_upper(bytes);
    writeln!(
        out,
        "SELECT 'code', '{set}', '{bytes}', HEX(CONVERT(_{set} X'{bytes}' USING utf8mb4));"
    )?;
    Ok(())
}

/// The bytes of the four-byte sequence with this linear index.
fn gb18030_bytes(index: u32) -> [u8; 4] {
    let [_, _, _, a] = (0x81 + index / 12_600).to_be_bytes();
    let [_, _, _, b] = (0x30 + index / 1_260 % 10).to_be_bytes();
    let [_, _, _, c] = (0x81 + index / 10 % 126).to_be_bytes();
    let [_, _, _, d] = (0x30 + index % 10).to_be_bytes();
    [a, b, c, d]
}

fn build(rows: impl BufRead, directory: &Path) -> Result<(), Failure> {
    let mut sets: BTreeMap<String, Codes> = BTreeMap::new();
    for row in rows.lines() {
        let row = row?;
        let ["code", set, bytes, text] = row.split('\t').collect::<Vec<_>>()[..] else {
            return fail(format!("row `{row}` is not `code`, set, bytes, text"));
        };
        let (bytes, text) = (hex::decode(bytes)?, String::from_utf8(hex::decode(text)?)?);
        let mut characters = text.chars();
        let code = match (characters.next(), characters.next()) {
            // The server's `?` for a sequence without a character; 0x3F itself is no other way.
            (Some('?'), None) if bytes != b"?" => 0,
            (Some(character), None) => u16::try_from(u32::from(character))?,
            // A lead byte alone gives nothing; two characters of one byte stand side by side.
            (None, None) if bytes.len() == 1 => continue,
            (Some(_), Some(_)) if bytes.len() == 2 => continue,
            _ => return fail(format!("row `{row}`: not one character")),
        };
        sets.entry(set.to_owned()).or_default().insert(bytes, code);
    }
    std::fs::write(directory.join("single_byte.bin"), single_bytes(&sets)?)?;
    for set in DOUBLE {
        let codes = of(&sets, set)?;
        let pairs = codes.iter().filter(|(bytes, _)| bytes.len() == 2);
        let pairs = pairs.map(|(bytes, code)| ([bytes[0], bytes[1]], *code)).collect();
        std::fs::write(directory.join(format!("{set}.bin")), grid(&pairs)?)?;
    }
    for set in TRIPLE {
        let codes = of(&sets, set)?;
        let pairs = codes.iter().filter(|(bytes, _)| bytes.len() == 3);
        let pairs = pairs.map(|(bytes, code)| ([bytes[1], bytes[2]], *code)).collect();
        std::fs::write(directory.join(format!("{set}_8f.bin")), grid(&pairs)?)?;
    }
    std::fs::write(directory.join("gb18030_runs.bin"), runs(of(&sets, "gb18030")?)?)?;
    Ok(())
}

fn of<'a>(sets: &'a BTreeMap<String, Codes>, set: &str) -> Result<&'a Codes, Failure> {
    sets.get(set).ok_or_else(|| Failure(format!("no rows of {set}")))
}

fn single_bytes(sets: &BTreeMap<String, Codes>) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    for set in SINGLE {
        let codes = of(sets, set)?;
        let mut name = [0; 16];
        name[..set.len()].copy_from_slice(set.as_bytes());
        out.extend_from_slice(&name);
        for byte in 0..=255_u8 {
            let code = codes.get([byte].as_slice()).copied().unwrap_or(0);
            out.extend_from_slice(&code.to_le_bytes());
        }
    }
    Ok(out)
}

/// The smallest grid that holds all pairs that are characters.
fn grid(pairs: &BTreeMap<[u8; 2], u16>) -> Result<Vec<u8>, Failure> {
    let pairs: BTreeMap<_, _> = pairs.iter().filter(|(_, code)| **code != 0).collect();
    let leads = || pairs.keys().map(|pair| pair[0]);
    let trails = || pairs.keys().map(|pair| pair[1]);
    let (Some(lead_min), Some(lead_max)) = (leads().min(), leads().max()) else {
        return fail("a set of two bytes has no character");
    };
    let (Some(trail_min), Some(trail_max)) = (trails().min(), trails().max()) else {
        return fail("a set of two bytes has no character");
    };
    let mut out = vec![lead_min, lead_max, trail_min, trail_max];
    for lead in lead_min..=lead_max {
        for trail in trail_min..=trail_max {
            let code = pairs.get(&[lead, trail]).map_or(0, |code| **code);
            out.extend_from_slice(&code.to_le_bytes());
        }
    }
    Ok(out)
}

fn runs(codes: &Codes) -> Result<Vec<u8>, Failure> {
    let mut runs: Vec<[u16; 3]> = Vec::new();
    for index in 0..GB18030_BASIC {
        let Some(code) = codes.get(gb18030_bytes(index).as_slice()).filter(|code| **code != 0)
        else {
            continue;
        };
        let index = u16::try_from(index)?;
        match runs.last_mut() {
            Some([start, length, first])
                if *start + *length == index
                    && u32::from(*first) + u32::from(*length) == u32::from(*code) =>
            {
                *length += 1;
            }
            _ => runs.push([index, 1, *code]),
        }
    }
    Ok(runs.iter().flatten().flat_map(|number| number.to_le_bytes()).collect())
}

/// Prints a set of sequences, numbered.
fn print_rows(set: &str, out: &mut impl Write) -> Result<(), Failure> {
    for (number, sequence) in of_name(set)?.enumerate() {
        writeln!(out, "{number}\t{}", hex::encode(sequence))?;
    }
    Ok(())
}

/// Prints the fixture's line for the answers to a set of sequences, one in hexadecimal per line.
fn digest(charset: &str, set: &str, left_out: &str, answers: impl BufRead) -> Result<(), Failure> {
    let mut hasher = crc32fast::Hasher::new();
    let (mut counted, mut sequences) = (0_u64, of_name(set)?);
    for answer in answers.lines() {
        let Some(sequence) = sequences.next().map(hex::encode) else {
            return fail("there are more answers than sequences");
        };
        let mut prefixes = left_out.split(',').filter(|prefix| !prefix.is_empty());
        if prefixes.any(|prefix| sequence.starts_with(prefix)) {
            continue;
        }
        let text = String::from_utf8(hex::decode(answer?)?)?;
        hasher.update(text.as_bytes());
        hasher.update(b"\n");
        counted += 1;
    }
    if sequences.next().is_some() {
        return fail("there are fewer answers than sequences");
    }
    println!("{charset}\t{set}\t{counted}\t{left_out}\t{:08x}", hasher.finalize());
    Ok(())
}

fn of_name(set: &str) -> Result<Box<dyn Iterator<Item = Vec<u8>>>, Failure> {
    sequences(set).ok_or_else(|| Failure(format!("no set of sequences is named `{set}`")))
}

/// A failure of this program is a sentence for the developer who runs it.
mod failure {
    /// The sentence.
    pub(crate) struct Failure(pub(crate) String);

    impl std::fmt::Debug for Failure {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl<E: std::error::Error> From<E> for Failure {
        fn from(error: E) -> Self {
            Self(error.to_string())
        }
    }

    /// Ends with `sentence`.
    pub(crate) fn fail<T>(sentence: impl Into<String>) -> Result<T, Failure> {
        Err(Failure(sentence.into()))
    }
}

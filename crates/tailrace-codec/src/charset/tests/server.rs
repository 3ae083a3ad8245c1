//! What a MySQL 9.7.4 server converted, byte for byte.
//!
//! The bytes, most of them no text at all, got into columns of each character set by writing them to
//! a MyISAM table with a VARBINARY column and putting its files in place of those of a table with a
//! VARCHAR column of the same length. `examples/charset_tables.rs` says how the fixtures are made.

use super::super::Decoder;
use super::sequences::sequences;

/// Lines of the fixture: character set, set of sequences, how many answers are counted, CRC-32 of the
/// counted answers, each followed by a line feed. Sequences for which the server sent no valid UTF-8
/// are not counted.
#[test]
fn every_sequence_converts_as_the_server_does() {
    let mut charsets = std::collections::BTreeSet::new();
    for line in include_str!("server_digests.tsv").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [charset, set, counted, left_out, crc] = fields.as_slice() else { panic!("{line}") };
        let left_out: Vec<&str> = left_out.split(',').collect();
        let decoder = Decoder::for_charset(charset).unwrap();
        let (mut seen, mut digest, mut out) = (0_u64, crc32fast::Hasher::new(), Vec::new());
        for sequence in sequences(set).unwrap() {
            out.clear();
            decoder.decode_into(&sequence, &mut out);
            assert!(std::str::from_utf8(&out).is_ok(), "{charset} {}", hex::encode(&sequence));
            if is_left_out(&left_out, &sequence) {
                continue;
            }
            out.push(b'\n');
            digest.update(&out);
            seen += 1;
        }
        assert_eq!(
            (seen.to_string().as_str(), format!("{:08x}", digest.finalize()).as_str()),
            (*counted, *crc),
            "{charset} {set}"
        );
        charsets.insert(*charset);
    }
    assert_eq!(charsets.len(), 39, "all but binary and utf8mb4");
}

/// The fixture names what is left out by prefixes, in hexadecimal.
fn is_left_out(prefixes: &[&str], sequence: &[u8]) -> bool {
    let sequence = hex::encode(sequence);
    prefixes.iter().any(|prefix| !prefix.is_empty() && sequence.starts_with(prefix))
}

/// Random strings, good and bad. Lines: character set, bytes, the server's UTF-8.
#[test]
fn sampled_strings_convert_as_the_server_does() {
    let mut seen = 0;
    for line in include_str!("server_samples.tsv").lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [charset, bytes, text] = fields.as_slice() else { panic!("{line}") };
        let mut out = b"before ".to_vec();
        Decoder::for_charset(charset).unwrap().decode_into(&hex::decode(bytes).unwrap(), &mut out);
        assert_eq!(hex::encode(&out), hex::encode("before ") + text, "{charset} {bytes}");
        seen += 1;
    }
    assert!(seen > 2_000, "{seen} samples");
}

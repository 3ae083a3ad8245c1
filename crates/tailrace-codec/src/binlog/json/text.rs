//! How MySQL prints the scalars of a JSON document.

use crate::binlog::decimal;
use crate::binlog::temporal;
use crate::cell::{CivilDate, CivilDateTime, TimeOfDay};

/// Writes a string with its quotes. `text` is UTF-8, which MySQL leaves as it is except for quotes,
/// backslashes and control characters.
pub(super) fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| needs_escape(*b)) {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((byte, tail)) = tail.split_first() else {
            break;
        };
        write_escape(*byte, out);
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(hex_digit(byte >> 4));
            out.push(hex_digit(byte & 15));
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => nibble.wrapping_add(b'0'),
        _ => nibble.wrapping_sub(10).wrapping_add(b'a'),
    }
}

/// Powers of ten that are still written out: MySQL changes to an exponent where the point would be
/// more than this many digits to either side (`DBL_DIG`).
const PLAIN_DIGITS: i32 = 15;

/// Writes a finite double: the shortest digits that read back as the same number, always with a
/// point or an exponent so that it stays a double when read.
pub(super) fn write_double(value: f64, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let mut digits = [0u8; 32];
    let shortest = buffer.format_finite(value);
    let (negative, len, point) = significant_digits(shortest, &mut digits);
    let digits = digits.get(..len).unwrap_or_default();
    if negative {
        out.push(b'-');
    }
    if point > PLAIN_DIGITS || point <= -PLAIN_DIGITS {
        write_exponent_form(digits, point, out);
        return;
    }
    match usize::try_from(point) {
        Ok(whole @ 1..) => {
            let (head, tail) = digits.split_at_checked(whole).unwrap_or((digits, &[]));
            out.extend_from_slice(head);
            out.resize(out.len().saturating_add(whole.saturating_sub(head.len())), b'0');
            out.push(b'.');
            out.extend_from_slice(if tail.is_empty() { b"0" } else { tail });
        }
        _ => {
            out.extend_from_slice(b"0.");
            let zeros = usize::try_from(point.unsigned_abs()).unwrap_or(0);
            out.resize(out.len().saturating_add(zeros), b'0');
            out.extend_from_slice(digits);
        }
    }
}

fn write_exponent_form(digits: &[u8], point: i32, out: &mut Vec<u8>) {
    if let Some((first, rest)) = digits.split_first() {
        out.push(*first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
    }
    out.push(b'e');
    let mut integer = itoa::Buffer::new();
    out.extend_from_slice(integer.format(point.saturating_sub(1)).as_bytes());
}

/// Takes `[-]ddd[.ddd][e[-]dd]` apart: sign, number of digits written to `digits` without leading or
/// trailing zeros, and where the point stands relative to the first of them. Zero is one `0` with
/// the point behind it.
fn significant_digits(text: &str, digits: &mut [u8; 32]) -> (bool, usize, i32) {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().unwrap_or(0)),
        None => (text, 0),
    };
    let mut len = 0usize;
    let mut point = 0i32;
    let mut seen_point = false;
    for byte in mantissa.bytes() {
        if byte == b'.' {
            seen_point = true;
            continue;
        }
        if len == 0 && byte == b'0' {
            // A zero in front of the first digit that counts.
            point = point.saturating_sub(i32::from(seen_point));
            continue;
        }
        point = point.saturating_add(i32::from(!seen_point));
        if let Some(slot) = digits.get_mut(len) {
            *slot = byte;
            len = len.saturating_add(1);
        }
    }
    while len > 0 && digits.get(len.saturating_sub(1)) == Some(&b'0') {
        len = len.saturating_sub(1);
    }
    if len == 0 {
        if let Some(first) = digits.first_mut() {
            *first = b'0';
        }
        return (negative, 1, 1);
    }
    (negative, len, point.saturating_add(exponent))
}

/// Type codes of opaque values that are printed as what they are.
mod opaque_type {
    pub(super) const TIMESTAMP: u8 = 7;
    pub(super) const DATE: u8 = 10;
    pub(super) const TIME: u8 = 11;
    pub(super) const DATETIME: u8 = 12;
    pub(super) const NEWDECIMAL: u8 = 246;
}

/// Writes a value of an SQL type that JSON itself does not have. `None` if it is not what its type
/// says.
pub(super) fn write_opaque(field_type: u8, data: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match field_type {
        opaque_type::NEWDECIMAL => {
            let ([precision, scale], packed) = data.split_first_chunk::<2>()?;
            decimal::write_packed(packed, *precision, *scale, out)
        }
        opaque_type::DATE | opaque_type::DATETIME | opaque_type::TIMESTAMP => {
            let packed = i64::from_le_bytes(data.try_into().ok()?);
            let (seconds, micros) = (packed >> 24, packed & 0xff_ffff);
            let micros = u32::try_from(micros).ok().filter(|m| *m <= 999_999)?;
            let seconds = u64::try_from(seconds).ok()?;
            let value = temporal::datetime_from_packed(seconds, micros).ok()?;
            out.push(b'"');
            write_date(value.date, out);
            if field_type != opaque_type::DATE {
                write_clock(value, out);
            }
            out.push(b'"');
            Some(())
        }
        opaque_type::TIME => {
            let packed = i64::from_le_bytes(data.try_into().ok()?);
            let magnitude = packed.unsigned_abs();
            let (hms, micros) = (magnitude >> 24, magnitude & 0xff_ffff);
            let value = temporal::time_from_packed(packed < 0, hms, micros).ok()?;
            out.push(b'"');
            write_time(value, out);
            out.push(b'"');
            Some(())
        }
        other => {
            write_base64(other, data, out);
            Some(())
        }
    }
}

fn write_padded(value: u32, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    out.resize(out.len().saturating_add(width.saturating_sub(digits.len())), b'0');
    out.extend_from_slice(digits);
}

fn write_date(date: CivilDate, out: &mut Vec<u8>) {
    write_padded(u32::from(date.year), 4, out);
    out.push(b'-');
    write_padded(u32::from(date.month), 2, out);
    out.push(b'-');
    write_padded(u32::from(date.day), 2, out);
}

fn write_clock(value: CivilDateTime, out: &mut Vec<u8>) {
    for (separator, part) in [(b' ', value.hour), (b':', value.minute), (b':', value.second)] {
        out.push(separator);
        write_padded(u32::from(part), 2, out);
    }
    out.push(b'.');
    write_padded(value.micros, 6, out);
}

fn write_time(value: TimeOfDay, out: &mut Vec<u8>) {
    if value.negative {
        out.push(b'-');
    }
    write_padded(u32::from(value.hours), 2, out);
    for part in [value.minutes, value.seconds] {
        out.push(b':');
        write_padded(u32::from(part), 2, out);
    }
    out.push(b'.');
    write_padded(value.micros, 6, out);
}

/// Characters of base64 after which MySQL breaks the line; in JSON text the break shows as `\n`.
const BASE64_LINE: usize = 76;

fn write_base64(field_type: u8, data: &[u8], out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |six: u32| ALPHABET.get(usize::try_from(six & 63).unwrap_or(0)).copied();
    out.extend_from_slice(b"\"base64:type");
    write_padded(u32::from(field_type), 1, out);
    out.push(b':');
    for (index, chunk) in data.chunks(3).enumerate() {
        if index > 0 && index.is_multiple_of(BASE64_LINE / 4) {
            out.extend_from_slice(b"\\n");
        }
        let byte = |at: usize| chunk.get(at).copied();
        let (a, b, c) = (byte(0).unwrap_or(0), byte(1), byte(2));
        let bits = u32::from_be_bytes([0, a, b.unwrap_or(0), c.unwrap_or(0)]);
        let quad = [
            letter(bits >> 18),
            letter(bits >> 12),
            b.and_then(|_| letter(bits >> 6)),
            c.and_then(|_| letter(bits)),
        ];
        out.extend(quad.iter().map(|l| l.unwrap_or(b'=')));
    }
    out.push(b'"');
}

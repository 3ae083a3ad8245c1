//! MariaDB's types of fixed length whose rows hold bytes and whose value is a text: UUID, INET4, INET6.

use std::fmt::Write as _;

/// Which type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FixedText {
    Uuid,
    Inet4,
    Inet6,
}

impl FixedText {
    /// Bytes of a value in a row.
    pub(super) fn bytes(self) -> u16 {
        match self {
            Self::Inet4 => 4,
            Self::Uuid | Self::Inet6 => 16,
        }
    }

    /// The value as the server prints it. Zero bytes at its end may be missing in `stored`.
    pub(super) fn text(self, stored: &[u8]) -> String {
        let mut value = [0_u8; 16];
        for (slot, byte) in value.iter_mut().zip(stored) {
            *slot = *byte;
        }
        match self {
            Self::Uuid => uuid(value),
            Self::Inet4 => {
                let [a, b, c, d, ..] = value;
                dotted([a, b, c, d])
            }
            Self::Inet6 => inet6(value),
        }
    }
}

fn dotted([a, b, c, d]: [u8; 4]) -> String {
    format!("{a}.{b}.{c}.{d}")
}

/// The longest run of zero groups is left out, even one of a single group, and addresses that hold an
/// IPv4 address end in its form: `Inet6::to_string` in MariaDB's source, which other printers differ from.
fn inet6(value: [u8; 16]) -> String {
    let mut groups = [0_u16; 8];
    for (group, bytes) in groups.iter_mut().zip(value.chunks_exact(2)) {
        *group = bytes.iter().fold(0, |number, byte| number << 8 | u16::from(*byte));
    }
    let (gap, length) = longest_zeros(&groups);
    let [.., sixth, _, _] = groups;
    let holds_ipv4 = gap == 0 && (length == 6 || length == 5 && sixth == 0xffff);
    let mut text = String::with_capacity(45);
    for (at, group) in groups.iter().enumerate() {
        if length > 0 && at == gap {
            text.push_str(if at == 0 { "::" } else { ":" });
        } else if length > 0 && at > gap && at < gap.saturating_add(length) {
            // It is inside of what is left out.
        } else if holds_ipv4 && at == 6 {
            let [.., a, b, c, d] = value;
            text.push_str(&dotted([a, b, c, d]));
            break;
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "{group:x}");
            text.push_str(if at == 7 { "" } else { ":" });
        }
    }
    text
}

/// Begin and length of the first of the longest runs of zeros.
fn longest_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let mut longest = (0, 0);
    let mut run = 0_usize;
    for (at, group) in groups.iter().enumerate() {
        run = if *group == 0 { run.saturating_add(1) } else { 0 };
        if run > longest.1 {
            longest = (at.saturating_add(1).saturating_sub(run), run);
        }
    }
    longest
}

/// UUIDs whose version is 1 to 5 are stored with their time in front, so that they sort by it
/// (`sql_type_uuid.h` in MariaDB's source).
fn uuid(stored: [u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = stored;
    let swapped = g & 0x80 != 0 && (0x01..0x60).contains(&i);
    let value = if swapped { [m, n, o, p, k, l, i, j, g, h, a, b, c, d, e, f] } else { stored };
    let mut text = String::with_capacity(36);
    for (at, byte) in value.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::FixedText;

    /// What MariaDB 10.11 printed for `CAST(x'…' AS INET6)`.
    #[test]
    fn inet6_as_the_server_prints_it() {
        for (stored, text) in [
            ("00000000000000000000000000000000", "::"),
            ("00000000000000000000000000000001", "::1"),
            ("00000000000000000000ffff00000000", "::ffff:0.0.0.0"),
            ("0001ffff0000ffff000117ecffff0000", "1:ffff::ffff:1:17ec:ffff:0"),
            ("0000ffff0001ffff000000010000ffff", "::ffff:1:ffff:0:1:0:ffff"),
            ("00000000000000000000000000010000", "::0.1.0.0"),
            ("f9ef0001000000010000ffff5bd90000", "f9ef:1::1:0:ffff:5bd9:0"),
            ("00000001ffff00010000ffff0000ffff", "::1:ffff:1:0:ffff:0:ffff"),
            ("00000000000000000000ffff6e040001", "::ffff:110.4.0.1"),
        ] {
            let bytes: Vec<u8> = (0..32)
                .step_by(2)
                .filter_map(|at| u8::from_str_radix(stored.get(at..at + 2)?, 16).ok())
                .collect();
            assert_eq!(FixedText::Inet6.text(&bytes), text);
        }
        assert_eq!(FixedText::Inet4.text(&[10, 0, 1]), "10.0.1.0");
    }
}

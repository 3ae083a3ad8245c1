//! MySQL's packed DECIMAL as text.
//!
//! Digits are in groups of nine from the point outward, each in four big-endian bytes; the outermost
//! group of either side may be shorter. The first bit is inverted so that values sort as bytes, and
//! every bit of a negative value is inverted.

/// Bytes that a group of 0 to 9 decimal digits takes.
const DIGIT_BYTES: [u8; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
const GROUP_DIGITS: u8 = 9;
const GROUP_BYTES: u8 = 4;

fn part_bytes(digits: u8) -> u8 {
    let rest = DIGIT_BYTES.get(usize::from(digits % GROUP_DIGITS)).copied().unwrap_or(0);
    (digits / GROUP_DIGITS).saturating_mul(GROUP_BYTES).saturating_add(rest)
}

/// Length of a packed `DECIMAL(precision, scale)` in bytes.
pub fn packed_bytes(precision: u8, scale: u8) -> u8 {
    part_bytes(precision.saturating_sub(scale)).saturating_add(part_bytes(scale))
}

/// Appends the text MySQL gives a packed `DECIMAL(precision, scale)`: no leading zeros, exactly
/// `scale` digits behind the point. `None`, with nothing usable appended, if the bytes are not such
/// a value.
pub fn write_packed(packed: &[u8], precision: u8, scale: u8, out: &mut Vec<u8>) -> Option<()> {
    if !(1..=65).contains(&precision) || scale > 30 || scale > precision {
        return None;
    }
    if packed.len() != usize::from(packed_bytes(precision, scale)) {
        return None;
    }
    let negative = packed.first()? & 0x80 == 0;
    let mut digits = Digits { packed, negative, first: true };
    let sign_at = out.len();
    let whole = precision.saturating_sub(scale);
    let mut nonzero = false;
    // Whole part: the short group first, leading zeros left out.
    let mut started = false;
    let mut group = whole % GROUP_DIGITS;
    let mut left = whole;
    if group == 0 {
        group = GROUP_DIGITS.min(left);
    }
    while left > 0 {
        let value = digits.next_group(group)?;
        nonzero |= value != 0;
        if started {
            write_group(value, group, out);
        } else if value != 0 {
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            started = true;
        }
        left = left.saturating_sub(group);
        group = GROUP_DIGITS;
    }
    if !started {
        out.push(b'0');
    }
    if scale > 0 {
        out.push(b'.');
        let mut left = scale;
        while left > 0 {
            let group = left.min(GROUP_DIGITS);
            let value = digits.next_group(group)?;
            nonzero |= value != 0;
            write_group(value, group, out);
            left = left.saturating_sub(group);
        }
    }
    // There is no negative zero.
    if negative && nonzero {
        out.insert(sign_at, b'-');
    }
    Some(())
}

struct Digits<'a> {
    packed: &'a [u8],
    negative: bool,
    first: bool,
}

impl Digits<'_> {
    /// The next group of `digits` digits; `None` if it holds more than fits.
    fn next_group(&mut self, digits: u8) -> Option<u32> {
        let len = usize::from(part_bytes(digits));
        let (head, tail) = self.packed.split_at_checked(len)?;
        self.packed = tail;
        let mut value = 0u32;
        for byte in head {
            let mut byte = *byte;
            if std::mem::take(&mut self.first) {
                byte ^= 0x80;
            }
            if self.negative {
                byte = !byte;
            }
            value = (value << 8) | u32::from(byte);
        }
        let limit = 10u32.checked_pow(u32::from(digits))?;
        (value < limit).then_some(value)
    }
}

/// Writes a group with its leading zeros.
fn write_group(value: u32, digits: u8, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(value).as_bytes();
    let zeros = usize::from(digits).saturating_sub(text.len());
    out.resize(out.len().saturating_add(zeros), b'0');
    out.extend_from_slice(text);
}

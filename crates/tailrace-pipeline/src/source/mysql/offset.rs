//! Offsets in log files.

/// The whole offset of which the header carries the low 32 bits: offsets in a file only grow.
pub(crate) fn unwrap_offset(last: u64, low: u32) -> u64 {
    const WRAP: u64 = 1 << 32;
    let candidate = last & !(WRAP - 1) | u64::from(low);
    if candidate + WRAP / 2 < last { candidate + WRAP } else { candidate }
}

#[cfg(test)]
mod tests {
    use super::unwrap_offset;

    #[test]
    fn offsets_beyond_four_gibibytes_go_on_growing() {
        assert_eq!(unwrap_offset(4, 120), 120);
        assert_eq!(unwrap_offset((1 << 32) - 10, 90), (1 << 32) + 90);
        assert_eq!(unwrap_offset((1 << 32) + 90, 200), (1 << 32) + 200);
        // A server may send an offset that lies a little behind, for example after a heartbeat.
        assert_eq!(unwrap_offset(500, 400), 400);
    }
}

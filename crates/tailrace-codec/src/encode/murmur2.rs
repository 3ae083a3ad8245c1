//! The partition of a key, the way Kafka's Java producer computes it, so that Java clients that
//! produce or look up by the same key agree with us.

/// Murmur2 with Kafka's seed. The Java client works in signed 32-bit arithmetic that wraps; the bits
/// are the same.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the length enters modulo 2^32, as in the Java client, where it is an int"
)]
pub fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_B28C;
    const MULTIPLIER: u32 = 0x5BD1_E995;
    const SHIFT: u32 = 24;

    let mut hash = SEED ^ key.len() as u32;
    let (words, tail) = key.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        k ^= k >> SHIFT;
        hash = hash.wrapping_mul(MULTIPLIER) ^ k.wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        let rest = tail.iter().rev().fold(0u32, |acc, &byte| (acc << 8) | u32::from(byte));
        hash = (hash ^ rest).wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

/// The partition of `key` among `partitions`: the hash with its sign bit cleared, modulo the count.
/// Fewer than one partition counts as one.
pub fn kafka_partition(key: &[u8], partitions: i32) -> i32 {
    let positive = (murmur2(key) & 0x7FFF_FFFF).cast_signed();
    positive.checked_rem(partitions.max(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_java_client() {
        // UtilsTest.testMurmur2 of Apache Kafka.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn the_sign_bit_is_cleared_before_the_modulo() {
        // toPositive(-973932308) = 1173551340
        assert_eq!(kafka_partition(b"21", i32::MAX), 1_173_551_340);
        assert_eq!(kafka_partition(b"21", 7), 1_173_551_340 % 7);
        assert_eq!(kafka_partition(b"21", 0), 0);
        assert_eq!(kafka_partition(b"", 1), 0);
    }
}

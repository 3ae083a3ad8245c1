//! The byte sequences that a server was asked for, well-formed or not, by the name of their set.

/// All sequences of a set in order, `None` for an unknown name.
pub(super) fn sequences(set: &str) -> Option<Box<dyn Iterator<Item = Vec<u8>>>> {
    let any = || 0..=255_u8;
    let digits = || 0x30..=0x39_u8;
    let leads = || 0x81..=0xFE_u8;
    Some(match set {
        // Every byte alone, every pair, every pair of which the first is not ASCII and an `A` behind.
        "one" => Box::new(any().map(|a| vec![a])),
        "two" => Box::new(any().flat_map(move |a| any().map(move |b| vec![a, b]))),
        "two_and_a" => {
            Box::new((0x80..=0xFF).flat_map(move |a| any().map(move |b| vec![a, b, b'A'])))
        }
        // The planes of three bytes of EUC.
        "three_euc" => Box::new(three(&[0x8E, 0x8F])),
        // UTF-8 of three bytes, with the first bytes that have rules of their own.
        "three_utf8" => Box::new(three(&[0xE0, 0xE1, 0xED, 0xEF])),
        // All of gb18030's four bytes.
        "four_gb18030" => Box::new(leads().flat_map(move |a| {
            digits().flat_map(move |b| {
                leads().flat_map(move |c| digits().map(move |d| vec![a, b, c, d]))
            })
        })),
        // Two bytes behind two zeros.
        "two_behind_zeros" => {
            Box::new(any().flat_map(move |a| any().map(move |b| vec![0, 0, a, b])))
        }
        _ => return None,
    })
}

fn three(first: &'static [u8]) -> impl Iterator<Item = Vec<u8>> {
    first
        .iter()
        .flat_map(|a| (0..=255_u8).flat_map(move |b| (0..=255_u8).map(move |c| vec![*a, b, c])))
}

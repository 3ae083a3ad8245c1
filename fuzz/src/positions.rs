//! GTID sets and file positions.

use tailrace_codec::position::{FileOffset, Gtid, GtidSet};

/// Two sets in text with `|` between them: reading, printing and the algebra.
pub fn gtid_text(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(gtid) = text.parse::<Gtid>() {
        assert_eq!(gtid.to_string().parse(), Ok(gtid));
    }
    let (a, b) = text.split_once('|').unwrap_or((text, ""));
    let (Ok(a), Ok(b)) = (a.parse::<GtidSet>(), b.parse::<GtidSet>()) else { return };
    check(&a);
    let (union, both, only_a) = (a.union(&b), a.intersect(&b), a.subtract(&b));
    assert!(union.contains_set(&a) && union.contains_set(&b));
    assert!(a.contains_set(&both) && b.contains_set(&both));
    assert!(only_a.intersect(&b).is_empty());
    assert_eq!(only_a.union(&both), a);
    assert_eq!(only_a.count() + both.count(), a.count());
    assert_eq!(only_a.is_empty(), b.contains_set(&a));
}

/// MySQL's binary form (first byte even) or the stored form.
pub fn gtid_binary(input: &[u8]) {
    let Some((form, bytes)) = input.split_first() else { return };
    if form % 2 == 0 {
        if let Ok(set) = GtidSet::decode_mysql(bytes) {
            check(&set);
        }
    } else if let Ok(set) = GtidSet::decode_storage(bytes) {
        check(&set);
        // A stored form has no other spelling.
        let mut out = Vec::new();
        set.encode_storage(&mut out);
        assert_eq!(out, bytes);
    }
}

/// A file position in text (first byte even) or in the stored form.
pub fn file_offset(input: &[u8]) {
    let Some((form, bytes)) = input.split_first() else { return };
    let position = if form % 2 == 0 {
        std::str::from_utf8(bytes).ok().and_then(|text| FileOffset::parse(text).ok())
    } else {
        FileOffset::decode_storage(bytes).ok()
    };
    let Some(position) = position else { return };
    let mut stored = Vec::new();
    position.encode_storage(&mut stored);
    assert_eq!(FileOffset::decode_storage(&stored).as_ref(), Ok(&position));
    assert_eq!(FileOffset::new(position.file(), position.offset()).as_ref(), Ok(&position));
    let text = position.to_string();
    if form % 2 == 0 {
        assert_eq!(FileOffset::parse(&text), Ok(position));
    }
}

/// Every form of a set reads back as the same set.
fn check(set: &GtidSet) {
    assert_eq!(set.to_string().parse().as_ref(), Ok(set));
    let mut bytes = Vec::new();
    set.encode_mysql(&mut bytes);
    assert_eq!(GtidSet::decode_mysql(&bytes).as_ref(), Ok(set));
    bytes.clear();
    set.encode_storage(&mut bytes);
    assert_eq!(GtidSet::decode_storage(&bytes).as_ref(), Ok(set));
    assert_eq!(set.is_empty(), set.count() == 0);
}

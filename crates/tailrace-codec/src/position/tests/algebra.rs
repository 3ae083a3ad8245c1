//! The algebra against a plain set of GTIDs.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::{GNO_MAX, Gtid, GtidSet};
use super::{gtid, gtids};

fn build(gtids: &[Gtid]) -> (GtidSet, BTreeSet<Gtid>) {
    (gtids.iter().copied().collect(), gtids.iter().copied().collect())
}

/// Every GTID of a set, and a check of the invariant on the way.
fn unfold(set: &GtidSet) -> BTreeSet<Gtid> {
    let mut out = BTreeSet::new();
    for (tsid, intervals) in set.groups() {
        assert!(!intervals.is_empty(), "empty group {tsid}");
        let mut behind = None;
        for interval in intervals.intervals() {
            assert!(interval.start < interval.end, "empty interval in {set}");
            assert!(behind.is_none_or(|end| end < interval.start), "touching intervals in {set}");
            behind = Some(interval.end);
            for gno in interval.start..interval.end {
                out.insert(Gtid::new(tsid.uuid, tsid.tag, gno).unwrap());
            }
        }
    }
    out
}

proptest! {
    #[test]
    fn operations_agree_with_a_plain_set(a in gtids(), b in gtids(), probe in gtid()) {
        let (a, plain_a) = build(&a);
        let (b, plain_b) = build(&b);
        prop_assert_eq!(&unfold(&a), &plain_a);
        prop_assert_eq!(a.count(), plain_a.len() as u128);
        prop_assert_eq!(a.is_empty(), plain_a.is_empty());
        prop_assert_eq!(a.contains(&probe), plain_a.contains(&probe));
        prop_assert_eq!(a.contains_set(&b), plain_b.is_subset(&plain_a));
        prop_assert_eq!(unfold(&a.union(&b)), &plain_a | &plain_b);
        prop_assert_eq!(unfold(&a.subtract(&b)), &plain_a - &plain_b);
        prop_assert_eq!(unfold(&a.intersect(&b)), &plain_a & &plain_b);
        prop_assert_eq!(a == b, plain_a == plain_b);
    }

    #[test]
    fn laws_hold(a in super::set(), b in super::set(), c in super::set()) {
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.intersect(&b), a.subtract(&a.subtract(&b)));
        prop_assert_eq!(a.subtract(&b.union(&c)), a.subtract(&b).subtract(&c));
        prop_assert!(a.union(&b).contains_set(&a));
        prop_assert!(a.contains_set(&a.intersect(&b)));
    }
}

#[test]
fn the_largest_number_has_a_place() {
    let last = Gtid::new([7; 16], None, GNO_MAX).unwrap();
    let set: GtidSet = [last].into_iter().collect();
    assert!(set.contains(&last));
    assert_eq!(set.count(), 1);
    assert!(Gtid::new([7; 16], None, GNO_MAX + 1).is_err());
    assert!(Gtid::new([7; 16], None, 0).is_err());
}

#[test]
fn several_full_sources_count_beyond_64_bits() {
    let text = (0..4)
        .map(|n| format!("0000000{n}-0000-0000-0000-000000000000:1-{GNO_MAX}"))
        .collect::<Vec<_>>()
        .join(",");
    let set: GtidSet = text.parse().unwrap();
    assert_eq!(set.count(), 4 * u128::from(GNO_MAX));
}

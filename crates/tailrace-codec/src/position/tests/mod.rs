#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking"
)]

mod algebra;
mod file_offset;
mod mariadb;
mod server;
mod storage;
mod text;
mod wire;

use proptest::prelude::*;

use super::{Gtid, GtidSet, Tag};

/// Few sources and small numbers, so that random sets meet.
fn gtid() -> impl Strategy<Value = Gtid> {
    let tag = prop_oneof![Just(None), Just(Some("a")), Just(Some("_b9"))];
    (0_u8..3, tag, 1_u64..40).prop_map(|(source, tag, gno)| {
        let tag = tag.map(|text| Tag::new(text).unwrap());
        Gtid::new([source; 16], tag, gno).unwrap()
    })
}

fn gtids() -> impl Strategy<Value = Vec<Gtid>> {
    prop::collection::vec(gtid(), 0..80)
}

fn set() -> impl Strategy<Value = GtidSet> {
    gtids().prop_map(|gtids| gtids.into_iter().collect())
}

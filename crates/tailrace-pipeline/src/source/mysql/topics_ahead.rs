//! Topics of a full phase are made many at a time, ahead of its readers: a request to the controller takes
//! as long for one topic as for many.

use crate::transform::route::Router;

/// Topics of the first request: readers wait for them.
const FIRST_MAX: usize = 8;
/// Topics of one request.
const REQUEST_MAX: usize = 256;

/// Makes the topics of tables in order, until `is_over`. A reader that comes to a table first, or whose table's
/// topic cannot be made, makes it by itself, or says why not.
pub(crate) fn make(router: &Router, tables: &[(String, String)], is_over: impl Fn() -> bool) {
    let (mut rest, mut count) = (tables, FIRST_MAX);
    while !rest.is_empty() && !is_over() {
        let (now, later) = rest.split_at(count.min(rest.len()));
        router.prepare(now);
        (rest, count) = (later, (count * 2).min(REQUEST_MAX));
    }
}

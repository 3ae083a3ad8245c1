//! Topics of a full phase are made many at a time, ahead of its readers: a request to the controller takes
//! as long for one topic as for many.

use crate::transform::route::Router;

/// Topics of the first request: readers wait for them.
const FIRST_MAX: usize = 8;
/// Topics of one request.
pub(crate) const REQUEST_MAX: usize = 128;
/// Tables that topics are made ahead of. A broker that has just taken a request makes the logs afterwards, one by one,
/// and holds up whatever else it is asked for.
const AHEAD_MAX: usize = 256;

/// Makes the topics of tables in order. `wait_until_begun` waits until so many tables are begun, and says whether there
/// are any left. A reader that comes to a table first, or whose table's topic cannot be made, makes it by itself, or
/// says why not.
pub(crate) fn make(
    router: &Router,
    tables: &[(String, String)],
    wait_until_begun: impl Fn(usize) -> bool,
) {
    let (mut rest, mut count) = (tables, FIRST_MAX);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(count.min(rest.len()));
        let to = tables.len() - later.len();
        // Where one table is all that is read, none is made ahead.
        if !wait_until_begun(to.saturating_sub(AHEAD_MAX).max(1)) {
            return;
        }
        router.prepare(now);
        (rest, count) = (later, (count * 2).min(REQUEST_MAX));
    }
}

//! What one writer knows of the rows that only it writes.

use std::collections::HashMap;

use rand::RngExt as _;
use rand::rngs::StdRng;

/// A key as SQL literals, in the order of the table's key columns.
pub(super) type Key = Vec<String>;

/// Dead keys remembered per table, for a second life.
const DEAD_MAX: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Born,
    Died,
    /// Written to; matters only when nobody knows whether it took effect.
    Touched,
}

/// Keys of one writer, by table. Every change is noted until the transaction's outcome is known.
#[derive(Debug, Default)]
pub(super) struct Keys {
    live: HashMap<&'static str, Vec<Key>>,
    dead: HashMap<&'static str, Vec<Key>>,
    open: Vec<(&'static str, Key, Event)>,
}

impl Keys {
    /// A row that is there from the start.
    pub(super) fn found(&mut self, table: &'static str, key: Key) {
        self.live.entry(table).or_default().push(key);
    }

    /// A row was inserted.
    pub(super) fn born(&mut self, table: &'static str, key: Key) {
        self.live.entry(table).or_default().push(key.clone());
        self.open.push((table, key, Event::Born));
    }

    /// A row was deleted.
    pub(super) fn died(&mut self, table: &'static str, key: Key) {
        remove(self.live.entry(table).or_default(), &key);
        self.dead.entry(table).or_default().push(key.clone());
        self.open.push((table, key, Event::Died));
    }

    /// A row was changed.
    pub(super) fn touched(&mut self, table: &'static str, key: Key) {
        self.open.push((table, key, Event::Touched));
    }

    /// Any live row.
    pub(super) fn any(&self, table: &str, rng: &mut StdRng) -> Option<Key> {
        let live = self.live.get(table).filter(|live| !live.is_empty())?;
        live.get(rng.random_range(0..live.len())).cloned()
    }

    /// Up to `count` of the newest live rows.
    pub(super) fn newest(&self, table: &str, count: usize) -> Vec<Key> {
        let live = self.live.get(table).map_or(&[][..], Vec::as_slice);
        live.get(live.len().saturating_sub(count)..).unwrap_or(&[]).to_vec()
    }

    /// A key that had a row, for a second life.
    pub(super) fn take_dead(&mut self, table: &'static str) -> Option<Key> {
        let key = self.dead.get_mut(table)?.pop()?;
        // After a rollback it is not given out again: the table may have been dropped meanwhile.
        self.open.push((table, key.clone(), Event::Touched));
        Some(key)
    }

    /// Live rows of a table.
    pub(super) fn count(&self, table: &str) -> usize {
        self.live.get(table).map_or(0, Vec::len)
    }

    /// Where the open transaction stands, for [`Self::roll_back_to`].
    pub(super) fn mark(&self) -> usize {
        self.open.len()
    }

    /// The open transaction took effect.
    pub(super) fn commit(&mut self) {
        self.open.clear();
        for dead in self.dead.values_mut() {
            let surplus = dead.len().saturating_sub(DEAD_MAX);
            dead.drain(..surplus);
        }
    }

    /// What was done since the mark did not take effect.
    pub(super) fn roll_back_to(&mut self, mark: usize) {
        while self.open.len() > mark {
            let Some((table, key, event)) = self.open.pop() else { return };
            match event {
                Event::Born => remove(self.live.entry(table).or_default(), &key),
                Event::Died => {
                    remove(self.dead.entry(table).or_default(), &key);
                    self.live.entry(table).or_default().push(key);
                }
                Event::Touched => {}
            }
        }
    }

    /// Nobody knows whether the open transaction took effect: its keys are never written again.
    pub(super) fn give_up(&mut self) {
        for (table, key, _) in std::mem::take(&mut self.open) {
            remove(self.live.entry(table).or_default(), &key);
            remove(self.dead.entry(table).or_default(), &key);
        }
    }
}

/// Removes a key; it is near the end most of the time.
fn remove(keys: &mut Vec<Key>, key: &Key) {
    if let Some(place) = keys.iter().rposition(|k| k == key) {
        keys.swap_remove(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> Key {
        vec![n.to_string()]
    }

    #[test]
    fn a_rollback_undoes_and_an_unknown_outcome_forgets() {
        let mut keys = Keys::default();
        keys.found("t", key(1));
        keys.found("t", key(2));
        keys.born("t", key(3));
        let mark = keys.mark();
        keys.died("t", key(1));
        keys.roll_back_to(mark);
        assert_eq!((keys.count("t"), keys.take_dead("t")), (3, None));
        keys.commit();
        keys.died("t", key(2));
        keys.born("t", key(4));
        keys.give_up();
        let mut left = keys.newest("t", 9);
        left.sort();
        assert_eq!((left, keys.take_dead("t")), (vec![key(1), key(3)], None));
    }
}

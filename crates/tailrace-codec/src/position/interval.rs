//! Sorted, disjoint, non-touching half-open intervals of transaction numbers.

/// Transaction numbers `start <= n < end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The first number inside.
    pub start: u64,
    /// The first number behind.
    pub end: u64,
}

impl Interval {
    fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// A set of transaction numbers.
///
/// Invariant: sorted by start, every interval non-empty, a gap of at least one number between
/// neighbours; so equal sets have equal lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntervalSet {
    list: Vec<Interval>,
}

impl IntervalSet {
    /// The intervals in ascending order.
    pub fn intervals(&self) -> &[Interval] {
        &self.list
    }

    /// Whether no number is inside.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many numbers are inside. Disjoint intervals of `u64` cannot overflow it.
    pub fn count(&self) -> u64 {
        self.list.iter().fold(0_u64, |sum, interval| sum.saturating_add(interval.len()))
    }

    /// Whether `number` is inside.
    pub fn contains(&self, number: u64) -> bool {
        let behind = self.list.partition_point(|interval| interval.end <= number);
        self.list.get(behind).is_some_and(|interval| interval.start <= number)
    }

    /// Whether all of `other` is inside.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.list.iter().all(|wanted| {
            let at = self.list.partition_point(|interval| interval.end < wanted.end);
            self.list.get(at).is_some_and(|interval| interval.start <= wanted.start)
        })
    }

    /// Adds `start..end`. Constant time where it extends the last interval or lies behind it, which
    /// is what a log does; an empty range adds nothing.
    pub(super) fn add(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        match self.list.last_mut() {
            Some(last) if last.start <= start && start <= last.end => {
                last.end = last.end.max(end);
                return;
            }
            Some(last) if last.end >= start => {}
            _ => {
                self.list.push(Interval { start, end });
                return;
            }
        }
        // Those that overlap or touch become one.
        let first = self.list.partition_point(|interval| interval.end < start);
        let behind = self.list.partition_point(|interval| interval.start <= end);
        let joined = self.list.get(first..behind).unwrap_or_default();
        let start = joined.first().map_or(start, |interval| interval.start.min(start));
        let end = joined.last().map_or(end, |interval| interval.end.max(end));
        self.list.splice(first..behind, [Interval { start, end }]);
    }

    /// All numbers of either.
    pub(super) fn union(&self, other: &Self) -> Self {
        let mut out = Self { list: Vec::with_capacity(self.list.len().max(other.list.len())) };
        let (mut left, mut right) = (self.list.iter().peekable(), other.list.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a.start <= b.start => left.next(),
                (Some(_), None) => left.next(),
                (_, Some(_)) => right.next(),
                (None, None) => return out,
            };
            if let Some(interval) = next {
                out.add(interval.start, interval.end);
            }
        }
    }

    /// The numbers of `self` that are not in `other`.
    pub(super) fn subtract(&self, other: &Self) -> Self {
        let mut out = Self::default();
        let mut cuts = other.list.iter().peekable();
        for interval in &self.list {
            let mut start = interval.start;
            while cuts.next_if(|cut| cut.end <= start).is_some() {}
            // A cut that reaches into the next interval stays for it.
            while let Some(cut) = cuts.peek().filter(|cut| cut.start < interval.end) {
                out.add(start, cut.start.max(start));
                start = cut.end;
                if cut.end > interval.end {
                    break;
                }
                cuts.next();
            }
            out.add(start, interval.end);
        }
        out
    }

    /// The numbers of both.
    pub(super) fn intersect(&self, other: &Self) -> Self {
        let mut out = Self::default();
        let (mut left, mut right) = (self.list.iter().peekable(), other.list.iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            out.add(a.start.max(b.start), a.end.min(b.end));
            if a.end <= b.end {
                left.next();
            } else {
                right.next();
            }
        }
        out
    }
}

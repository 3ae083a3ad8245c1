//! Where the stream of tables that are added to a job meets the job's own.
//!
//! ```text
//! own    ────────────────────────► P  stopped
//! added        ─────────────────────────► Q ≥ P   all up to Q is applied
//! ```
//!
//! From there the job goes on with all of them: behind `P`, and the added ones behind `Q`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::run::StopSignal;

/// No SCN.
const NONE: u64 = 0;

/// What both streams know of each other.
#[derive(Debug)]
pub(super) struct Meeting {
    /// Ends the job's own stream.
    own: StopSignal,
    /// Up to here it was read.
    own_read: AtomicU64,
    /// The same as the other one found it a step ago.
    seen: AtomicU64,
    is_near: AtomicBool,
    /// The place where the job's own stream was ended.
    place: AtomicU64,
}

impl Meeting {
    /// Of a stream that goes on from an SCN and that this signal ends.
    pub(super) fn new(own: StopSignal, from: u64) -> Self {
        Self {
            own,
            own_read: AtomicU64::new(from.max(NONE + 1)),
            seen: AtomicU64::new(NONE),
            is_near: AtomicBool::new(false),
            place: AtomicU64::new(NONE),
        }
    }

    /// The stream of the added tables was right behind, and the job's own was ended for that.
    pub(super) fn is_near(&self) -> bool {
        self.is_near.load(Ordering::Acquire)
    }

    /// The job's own stream has applied everything up to an SCN, and nothing goes on.
    pub(super) fn ended_at(&self, scn: u64) {
        self.place.store(scn.max(NONE + 1), Ordering::Release);
    }
}

/// What a stream is to a meeting.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meets<'a> {
    /// There is no other one.
    Nobody,
    /// It is the job's own.
    AsOwn(&'a Meeting),
    /// It has the tables that are added.
    AsAdded(&'a Meeting),
}

impl Meets<'_> {
    /// The log was read up to an SCN.
    pub(super) fn has_read(self, scn: u64) {
        if let Self::AsOwn(meeting) = self {
            meeting.own_read.store(scn, Ordering::Release);
        }
    }

    /// Whether it has the other one behind it, when everything up to an SCN is taken. It ends the other one for that once it is
    /// near.
    pub(super) fn is_met(self, scn: u64) -> bool {
        let Self::AsAdded(meeting) = self else { return false };
        if !meeting.is_near() {
            // Whoever is where the other one was a step ago is a step behind it at most.
            let own = meeting.own_read.load(Ordering::Acquire);
            let seen = meeting.seen.swap(own, Ordering::AcqRel);
            if seen != NONE && scn >= seen {
                meeting.is_near.store(true, Ordering::Release);
                meeting.own.stop();
            }
        }
        let place = meeting.place.load(Ordering::Acquire);
        place != NONE && scn >= place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_added_stream_ends_the_own_one_when_it_is_a_step_behind_and_then_passes_it() {
        let own_stop = StopSignal::new();
        let meeting = Meeting::new(own_stop.clone(), 100);
        let (own, added) = (Meets::AsOwn(&meeting), Meets::AsAdded(&meeting));
        assert!(!added.is_met(150) && !meeting.is_near(), "where it is was just asked for");
        own.has_read(200);
        assert!(!added.is_met(90) && !meeting.is_near());
        own.has_read(300);
        assert!(!added.is_met(190) && !meeting.is_near() && !own_stop.is_stopped());
        own.has_read(400);
        assert!(!added.is_met(300), "nobody knows where the own one ended");
        assert!(meeting.is_near() && own_stop.is_stopped());
        meeting.ended_at(310);
        assert!(!added.is_met(309) && added.is_met(310) && added.is_met(400));
        assert!(!own.is_met(400) && !Meets::Nobody.is_met(400));
    }
}

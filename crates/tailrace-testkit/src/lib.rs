//! Test support that does not ship: real servers, a chaos proxy, and what tests wait with.

//! The full phase against what a server sent, and against the log of the same rows.

mod recording;
mod same_message;

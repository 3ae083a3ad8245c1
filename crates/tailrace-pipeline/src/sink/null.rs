//! A sink that counts and drops, for measuring everything before the sink.

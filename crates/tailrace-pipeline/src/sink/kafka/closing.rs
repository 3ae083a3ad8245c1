//! Clients that are of no more use.

/// Closes a client in a thread of its own: librdkafka takes a tenth of a second for that, which a start would have to
/// wait for.
pub(crate) fn close_aside<C: Send + 'static>(client: C) {
    let closing = std::thread::Builder::new().name("tailrace-close".into());
    // If there is no thread for it, it is closed here.
    drop(closing.spawn(move || drop(client)));
}

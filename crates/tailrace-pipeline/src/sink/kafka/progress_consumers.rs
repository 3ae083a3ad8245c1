//! The two consumers by which a start reads progress records and schema histories.

use rdkafka::consumer::BaseConsumer;

use crate::error::Result;
use crate::job::KafkaEndpoint;
use crate::sink::kafka::closing::close_aside;
use crate::sink::kafka::fault::refused_settings;
use crate::sink::kafka::security::client_config;
use crate::sink::kafka::watch::Watch;

/// Two consumers that see the same partition with different eyes.
pub(crate) struct ProgressConsumers {
    /// Sees everything that is written.
    pub(crate) written: BaseConsumer<Watch>,
    /// Sees what is committed.
    pub(crate) committed: BaseConsumer<Watch>,
}

impl ProgressConsumers {
    /// Connects in the background.
    ///
    /// # Errors
    /// `Configuration` if the endpoint's settings are not possible.
    pub(crate) fn open(endpoint: &KafkaEndpoint) -> Result<Self> {
        let open = |isolation: &str| -> Result<BaseConsumer<Watch>> {
            client_config(endpoint)?
                // Assigning partitions by hand needs a name for the group; nothing is stored under it.
                .set("group.id", "tailrace-progress")
                .set("enable.auto.commit", "false")
                .set("enable.auto.offset.store", "false")
                .set("auto.offset.reset", "error")
                .set("isolation.level", isolation)
                .set("enable.partition.eof", "true")
                // The end is told by an answer without records, which a broker holds back this long.
                .set("fetch.wait.max.ms", "10")
                .set("queued.max.messages.kbytes", "16384")
                // A client whose queue is full fetches again only after this time, a second by default.
                .set("fetch.queue.backoff.ms", "2")
                .create_with_context(Watch::default())
                .map_err(|e| refused_settings(&e))
        };
        Ok(Self { written: open("read_uncommitted")?, committed: open("read_committed")? })
    }

    /// Closes both without a wait.
    pub(crate) fn close(self) {
        close_aside(self);
    }
}

//! The one unsafe part: hands many messages of a topic to librdkafka in one call, and lets it send what lingers.
//!
//! The safe `BaseProducer::send` allocates a C string for the topic of every message, looks the topic
//! up by comparing its name with those of all topics in use, and copies the value. Here the topic's
//! handle is kept, and values stay where they are until their batch is acknowledged.
#![expect(
    unsafe_code,
    reason = "librdkafka's batch call is not in the safe binding, whose flush lasts no time at all"
)]

use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::Arc;

use rdkafka::bindings::{
    RD_KAFKA_MSG_F_PARTITION, rd_kafka_error_code, rd_kafka_error_destroy, rd_kafka_flush,
    rd_kafka_message_t, rd_kafka_produce_batch, rd_kafka_produceva, rd_kafka_resp_err_t,
    rd_kafka_topic_destroy, rd_kafka_topic_new, rd_kafka_topic_t, rd_kafka_vtype_t,
    rd_kafka_vu_s__bindgen_ty_1 as Union, rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1,
    rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2, rd_kafka_vu_t,
};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::{BaseProducer, Producer as _};

use crate::batch::Message;
use crate::error::{Error, ErrorKind, Result};
use crate::sink::kafka::deliveries::{BatchNumber, Deliveries};

/// A topic's handle in librdkafka.
struct Handle(ptr::NonNull<rd_kafka_topic_t>);

// SAFETY: librdkafka's handles may be used from any thread.
unsafe impl Send for Handle {}

/// Lets messages leave that wait for their batch to become full, during some milliseconds. Returns early if all
/// deliveries are reported.
pub(crate) fn flush(client: &BaseProducer<Deliveries>, milliseconds: i32) {
    // SAFETY: the client is alive, and librdkafka's clients may be used from any thread. That it ran out of time is
    // what the caller sees by itself.
    unsafe { rd_kafka_flush(client.client().native_ptr(), milliseconds) };
}

/// A producer with handles of the topics it has produced to.
pub(crate) struct RawProducer {
    /// By the topic's place in the directory.
    handles: Vec<Option<Handle>>,
    /// Kept from call to call for its capacity; holds nothing between calls.
    slots: Slots,
    client: Arc<BaseProducer<Deliveries>>,
}

/// Messages in librdkafka's form. Its pointers are valid during one call of [`RawProducer::produce`].
struct Slots(Vec<rd_kafka_message_t>);

// SAFETY: the list is empty whenever the producer could be moved to another thread.
unsafe impl Send for Slots {}

/// How many messages from the front were taken, and why the next one was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Messages from the front that are on their way.
    pub(crate) messages: usize,
    /// Why the message behind them was not taken; `None` if all were.
    pub(crate) stopped_by: Option<Code>,
}

impl RawProducer {
    pub(crate) fn new(client: Arc<BaseProducer<Deliveries>>) -> Self {
        Self { handles: Vec::new(), slots: Slots(Vec::new()), client }
    }

    /// The safe client, for everything but producing batches.
    pub(crate) fn client(&self) -> &BaseProducer<Deliveries> {
        &self.client
    }

    /// Whether a topic has a handle.
    pub(crate) fn knows(&self, place: usize) -> bool {
        self.handles.get(place).is_some_and(Option::is_some)
    }

    /// Takes a handle of a topic, from when on the client keeps up with its partitions.
    ///
    /// # Errors
    /// `Bug` for a name that cannot be a topic's.
    pub(crate) fn introduce(&mut self, place: usize, name: &str) -> Result<()> {
        self.handle(place, name).map(drop)
    }

    fn handle(&mut self, place: usize, name: &str) -> Result<*mut rd_kafka_topic_t> {
        if let Some(Some(handle)) = self.handles.get(place) {
            return Ok(handle.0.as_ptr());
        }
        let c_name = CString::new(name)
            .map_err(|_| Error::new(ErrorKind::Bug, format!("topic {name:?} has a zero byte")))?;
        // SAFETY: the client is alive, the name is a C string, and no topic settings are handed over.
        let handle = unsafe {
            rd_kafka_topic_new(self.client.client().native_ptr(), c_name.as_ptr(), ptr::null_mut())
        };
        let handle = ptr::NonNull::new(handle).ok_or_else(|| {
            Error::new(ErrorKind::Target, format!("librdkafka has no handle for topic {name}"))
        })?;
        if self.handles.len() <= place {
            self.handles.resize_with(place + 1, || None);
        }
        if let Some(slot) = self.handles.get_mut(place) {
            *slot = Some(Handle(handle));
        }
        Ok(handle.as_ptr())
    }

    /// Produces messages of one topic in their order; ranges point into `data`, which the batch's
    /// entry in the ledger keeps alive. Ends at the first message that is not taken.
    ///
    /// # Errors
    /// `Bug` for ranges outside of the data or a batch that is not entered with it.
    pub(crate) fn produce(
        &mut self,
        (place, name): (usize, &str),
        batch: BatchNumber,
        data: &Arc<Vec<u8>>,
        messages: &[Message],
    ) -> Result<Taken> {
        if !self.client.context().keeps(batch, data) {
            return Err(Error::new(
                ErrorKind::Bug,
                "a batch is produced that is not in the ledger",
            ));
        }
        let topic = self.handle(place, name)?;
        if messages.iter().any(|message| !message.headers.is_empty()) {
            return self.produce_with_headers(topic, batch, data, messages);
        }
        self.slots.0.clear();
        for message in messages {
            let part = |range: &std::ops::Range<usize>| {
                data.get(range.clone()).ok_or_else(|| {
                    Error::new(ErrorKind::Bug, format!("{range:?} is outside of the batch's data"))
                })
            };
            let (key, value) = (part(&message.key)?, part(&message.value)?);
            self.slots.0.push(rd_kafka_message_t {
                err: rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
                rkt: ptr::null_mut(),
                partition: message.partition,
                // An empty value is a tombstone, an empty key is no key.
                payload: pointer(value).cast(),
                len: value.len(),
                key: pointer(key).cast(),
                key_len: key.len(),
                offset: 0,
                _private: ptr::without_provenance_mut(batch),
            });
        }
        let count = i32::try_from(self.slots.0.len())
            .map_err(|_| Error::new(ErrorKind::Bug, "too many messages in one call"))?;
        // SAFETY: the handle belongs to this client, which is alive. Keys are copied by the call. Values
        // are only read, until their delivery is reported: `keeps` has shown that the ledger holds the
        // data until the last report of the batch, and the ledger outlives the native client because
        // the client owns it as its context and ends first. `_private` is a number that the delivery
        // callback takes back as `usize`.
        let good = unsafe {
            rd_kafka_produce_batch(
                topic,
                0,
                RD_KAFKA_MSG_F_PARTITION,
                self.slots.0.as_mut_ptr(),
                count,
            )
        };
        let taken = self.read_back(good);
        self.slots.0.clear();
        taken
    }

    /// The same one by one: librdkafka's batch call knows no headers.
    fn produce_with_headers(
        &self,
        topic: *mut rd_kafka_topic_t,
        batch: BatchNumber,
        data: &Arc<Vec<u8>>,
        messages: &[Message],
    ) -> Result<Taken> {
        use rd_kafka_vtype_t as Kind;
        let outside = || Error::new(ErrorKind::Bug, "a part of a message is outside of its batch");
        let memory = |bytes: &[u8]| Union {
            mem: rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
                ptr: pointer(bytes).cast(),
                size: bytes.len(),
            },
        };
        let mut parts: Vec<rd_kafka_vu_t> = Vec::with_capacity(16);
        for (taken, message) in messages.iter().enumerate() {
            let key = data.get(message.key.clone()).ok_or_else(outside)?;
            let value = data.get(message.value.clone()).ok_or_else(outside)?;
            parts.clear();
            for (vtype, u) in [
                (Kind::RD_KAFKA_VTYPE_RKT, Union { rkt: topic }),
                (Kind::RD_KAFKA_VTYPE_PARTITION, Union { i32_: message.partition }),
                (Kind::RD_KAFKA_VTYPE_VALUE, memory(value)),
                (Kind::RD_KAFKA_VTYPE_KEY, memory(key)),
                (Kind::RD_KAFKA_VTYPE_OPAQUE, Union { ptr: ptr::without_provenance_mut(batch) }),
            ] {
                parts.push(rd_kafka_vu_t { vtype, u });
            }
            let place = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
            let headers = place(message.headers.start)..place(message.headers.end);
            let mut rest = data.get(headers).ok_or_else(outside)?;
            while !rest.is_empty() {
                let (name, value) = next_header(&mut rest).ok_or_else(outside)?;
                let size = isize::try_from(value.len()).map_err(|_| outside())?;
                let header = rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 {
                    name: name.as_ptr(),
                    val: value.as_ptr().cast(),
                    size,
                };
                parts.push(rd_kafka_vu_t {
                    vtype: Kind::RD_KAFKA_VTYPE_HEADER,
                    u: Union { header },
                });
            }
            // SAFETY: as in `produce` for topic, key, value and opaque; each union's member is that of its type. Headers are
            // copied by the call, their names end with a zero byte. An error is owned by the caller.
            let code = unsafe {
                let native = self.client.client().native_ptr();
                let error = rd_kafka_produceva(native, parts.as_ptr(), parts.len());
                if error.is_null() {
                    None
                } else {
                    let code = rd_kafka_error_code(error);
                    rd_kafka_error_destroy(error);
                    Some(Code::from(code))
                }
            };
            if code.is_some() {
                return Ok(Taken { messages: taken, stopped_by: code });
            }
        }
        Ok(Taken { messages: messages.len(), stopped_by: None })
    }

    fn read_back(&self, good: i32) -> Result<Taken> {
        let ok = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        let slots = &self.slots.0;
        let messages = slots.iter().position(|m| m.err != ok).unwrap_or(slots.len());
        let stopped_by = slots.get(messages).map(|m| Code::from(m.err));
        let good = usize::try_from(good).unwrap_or(0);
        if good > messages && stopped_by == Some(Code::QueueFull) {
            // A gap would be closed in the wrong order later.
            return Err(Error::new(ErrorKind::Bug, "messages were taken behind one that was not"));
        }
        Ok(Taken { messages, stopped_by })
    }
}

/// Takes a header off: its name and its value.
fn next_header<'d>(rest: &mut &'d [u8]) -> Option<(&'d CStr, &'d [u8])> {
    let (length, after) = rest.split_first()?;
    let (name, after) = after.split_at_checked(usize::from(*length) + 1)?;
    let (length, after) = after.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (value, after) = after.split_at_checked(length)?;
    *rest = after;
    Some((CStr::from_bytes_with_nul(name).ok()?, value))
}

/// Where bytes lie; null if there are none.
fn pointer(bytes: &[u8]) -> *mut u8 {
    if bytes.is_empty() { ptr::null_mut() } else { bytes.as_ptr().cast_mut() }
}

impl Drop for RawProducer {
    fn drop(&mut self) {
        for handle in self.handles.drain(..).flatten() {
            // SAFETY: made by `rd_kafka_topic_new` of the client, which is dropped after this.
            unsafe { rd_kafka_topic_destroy(handle.0.as_ptr()) };
        }
    }
}

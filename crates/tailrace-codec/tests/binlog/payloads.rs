//! Compressed transactions: every way in which one can be damaged is an error, never a short read.

use tailrace_codec::binlog::{
    Checksum, EventType, LogFormat, PayloadCompression, PayloadLimits, PayloadReader,
    TransactionPayload,
};

use super::vectors::event;

/// A TRANSACTION_PAYLOAD body.
fn body(compression: u8, uncompressed: Option<u64>, payload: &[u8]) -> Vec<u8> {
    let number = |value: u64| {
        let mut bytes = vec![254];
        bytes.extend(value.to_le_bytes());
        bytes
    };
    let mut body = Vec::new();
    // An unknown field first.
    body.extend([7, 1, 0]);
    // 255 does not fit the one-byte form.
    if compression == 255 {
        body.extend([2, 3, 252, 255, 0]);
    } else {
        body.extend([2, 1, compression]);
    }
    if let Some(size) = uncompressed {
        body.extend([3, 9]);
        body.extend(number(size));
    }
    body.extend([1, 9]);
    body.extend(number(u64::try_from(payload.len()).unwrap()));
    body.push(0);
    body.extend_from_slice(payload);
    body
}

fn sample_events() -> Vec<Vec<u8>> {
    let long = vec![b'q'; 700_000];
    vec![
        event(EventType::ROWS_QUERY, 0, b"\x05hello"),
        event(EventType::ROWS_QUERY, 0, &[&[9][..], &long].concat()),
        event(EventType::ROWS_QUERY, 0, b"\x00"),
        event(EventType::XID, 0, &5u64.to_le_bytes()),
    ]
}

fn read(body: &[u8], limits: PayloadLimits) -> Result<Vec<(EventType, usize)>, String> {
    let mut reader = PayloadReader::new(limits).map_err(|e| e.to_string())?;
    read_with(&mut reader, body)
}

fn read_with(reader: &mut PayloadReader, body: &[u8]) -> Result<Vec<(EventType, usize)>, String> {
    let payload = TransactionPayload::parse(body).map_err(|e| e.to_string())?;
    let format = LogFormat::new(Checksum::Crc32);
    let mut events = reader.events(&payload).map_err(|e| e.to_string())?;
    let mut seen = Vec::new();
    loop {
        match events.next_event(&format) {
            Ok(Some(raw)) => seen.push((raw.header.event_type, raw.body.len())),
            Ok(None) => {
                assert!(events.next_event(&format).unwrap().is_none());
                return Ok(seen);
            }
            Err(error) => {
                assert!(events.next_event(&format).is_err(), "an error must last");
                return Err(error.to_string());
            }
        }
    }
}

fn seen_events() -> Vec<(EventType, usize)> {
    let kind = EventType::ROWS_QUERY;
    vec![(kind, 6), (kind, 700_001), (kind, 1), (EventType::XID, 8)]
}

fn size_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

#[test]
fn one_frame_or_several_or_none() {
    let plain = sample_events().concat();
    let one = zstd::encode_all(&plain[..], 3).unwrap();
    let (a, b) = plain.split_at(300_000);
    let two = [zstd::encode_all(a, 1).unwrap(), zstd::encode_all(b, 19).unwrap()].concat();
    let mut reader = PayloadReader::new(PayloadLimits::default()).unwrap();
    for body in [
        body(0, Some(size_of(&plain)), &one),
        body(0, None, &one),
        body(0, Some(size_of(&plain)), &two),
        body(255, None, &plain),
        body(255, Some(size_of(&plain)), &plain),
    ] {
        assert_eq!(read_with(&mut reader, &body).unwrap(), seen_events());
    }
    assert_eq!(read(&body(0, Some(0), &[]), PayloadLimits::default()).unwrap(), []);
}

#[test]
fn events_that_end_exactly_with_the_buffer() {
    // The buffer begins at 128 KiB.
    for len in (131_072 - 40)..(131_072 + 3) {
        let mut plain = event(EventType::ROWS_QUERY, 0, &vec![1; len - 19]);
        plain.extend(event(EventType::XID, 0, &5u64.to_le_bytes()));
        let packed = zstd::encode_all(&plain[..], 1).unwrap();
        let seen = read(&body(0, Some(size_of(&plain)), &packed), PayloadLimits::default());
        assert_eq!(seen.unwrap(), [(EventType::ROWS_QUERY, len - 19), (EventType::XID, 8)]);
    }
}

#[test]
fn sizes_that_do_not_agree() {
    let plain = sample_events().concat();
    let packed = zstd::encode_all(&plain[..], 3).unwrap();
    let size = size_of(&plain);
    let limits = PayloadLimits::default();
    let error = |uncompressed| read(&body(0, Some(uncompressed), &packed), limits).unwrap_err();
    assert!(error(size - 1).contains("was announced"), "{}", error(size - 1));
    assert!(error(size + 1).contains(&format!("{} was announced, {size} bytes", size + 1)));
    assert!(read(&body(255, Some(size + 1), &plain), limits).unwrap_err().contains("announced"));
    let mut short = body(0, Some(size), &packed);
    short.pop();
    assert!(read(&short, limits).unwrap_err().contains("bytes are left in the event"));
}

#[test]
fn a_damaged_stream_is_an_error_at_every_cut() {
    let plain = [&sample_events()[0][..], &sample_events()[3]].concat();
    let mut packed = Vec::new();
    // With zstd's own checksum, so that every flipped bit must show.
    let mut encoder = zstd::stream::Encoder::new(&mut packed, 3).unwrap();
    encoder.include_checksum(true).unwrap();
    std::io::copy(&mut &plain[..], &mut encoder).unwrap();
    encoder.finish().unwrap();
    let limits = PayloadLimits::default();
    let whole = Some(size_of(&plain));
    assert_eq!(read(&body(0, whole, &packed), limits).unwrap().len(), 2);
    for cut in 0..packed.len() {
        read(&body(0, whole, &packed[..cut]), limits).unwrap_err();
    }
    for at in 0..packed.len() {
        let mut damaged = packed.clone();
        damaged[at] ^= 0x40;
        if let Ok(seen) = read(&body(0, whole, &damaged), limits) {
            // Unused bits of the frame header may flip without effect.
            assert_eq!(seen.len(), 2, "byte {at}");
        }
    }
    let cut_inside = zstd::encode_all(&plain[..plain.len() - 3], 3).unwrap();
    let error = read(&body(0, None, &cut_inside), limits).unwrap_err();
    assert!(error.contains("27 bytes are needed, 24 are left"), "{error}");
}

#[test]
fn bounds_hold() {
    let plain = sample_events().concat();
    let packed = zstd::encode_all(&plain[..], 3).unwrap();
    let limits = PayloadLimits { event_bytes_max: 700_019, ..PayloadLimits::default() };
    let error = read(&body(0, None, &packed), limits).unwrap_err();
    assert!(error.contains("is 700020 bytes, event_bytes_max is 700019"), "{error}");
    // A window of 8 MiB where 1 MiB is allowed.
    let mut wide = Vec::new();
    let mut encoder = zstd::stream::Encoder::new(&mut wide, 3).unwrap();
    encoder.window_log(23).unwrap();
    std::io::copy(&mut &plain[..], &mut encoder).unwrap();
    encoder.finish().unwrap();
    let narrow = PayloadLimits { window_log_max: 20, ..PayloadLimits::default() };
    assert!(read(&body(0, None, &wide), narrow).unwrap_err().contains("zstd"));
    assert!(read(&body(0, None, &wide), PayloadLimits::default()).is_ok());
    // A claim of 900 MB costs nothing but the error.
    let mut claim = event(EventType::XID, 0, &[]);
    claim[9..13].copy_from_slice(&900_000_000u32.to_le_bytes());
    let mut reader = PayloadReader::new(PayloadLimits::default()).unwrap();
    let body = body(0, None, &zstd::encode_all(&claim[..], 3).unwrap());
    assert!(read_with(&mut reader, &body).unwrap_err().contains("900000000 bytes are needed"));
    assert!(format!("{reader:?}").contains("buffer_bytes: 131072"), "{reader:?}");
}

#[test]
fn what_cannot_be_inside_or_is_not_known() {
    for inner in [EventType::TRANSACTION_PAYLOAD, EventType::FORMAT_DESCRIPTION, EventType::ROTATE]
    {
        let error = read(&body(255, None, &event(inner, 0, b"x")), PayloadLimits::default());
        assert!(error.unwrap_err().contains(&format!("{inner} cannot be inside")));
    }
    let limits = PayloadLimits::default();
    assert!(
        read(&body(1, None, b""), limits).unwrap_err().contains("compression type at byte 24: 1")
    );
    assert!(read(&[1, 1, 0, 0], limits).unwrap_err().contains("compression type"));
    assert!(read(&[2, 1, 0, 0], limits).unwrap_err().contains("payload size"));
    assert!(read(&[2, 1, 0], limits).unwrap_err().contains("field type"));
    let payload = TransactionPayload::parse(&[2, 1, 0, 1, 1, 0, 0]).map(|p| p.compression);
    assert_eq!(payload.unwrap(), PayloadCompression::Zstd);
    assert!(PayloadReader::new(PayloadLimits { window_log_max: 99, ..limits }).is_err());
}

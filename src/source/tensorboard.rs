//! TensorBoard event files: records with masked checksums, each a Protocol Buffers message.

use std::sync::Arc;

use super::history::History;
use super::wire::{Fields, Wire};
use super::{Asked, Cell, Columns, Limits, NoSettings, Reader, SourceError};

pub(super) struct Tensorboard;

impl Reader for Tensorboard {
    type Settings = NoSettings;

    fn endings(&self) -> &'static [&'static str] {
        &["tfevents"]
    }

    // A file is named `events.out.tfevents.<time>.<host>...`, so its ending carries no information.
    fn is_named(&self, file: &str) -> bool {
        file.contains("tfevents")
    }

    fn is_history(&self) -> bool {
        true
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>) -> Result<Columns, SourceError> {
        let Asked { columns, limits, .. } = *asked;
        let mut history = History::default();
        let run = history.run("");
        let mut at = 0;
        while let Some(head) = bytes.get(at..at + 12) {
            let length = u64::from_le_bytes([head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7]]);
            let damaged =
                || SourceError::Unreadable(format!("the record at byte {at} is damaged: its checksum does not match"));
            if masked(&head[..8]) != u32::from_le_bytes([head[8], head[9], head[10], head[11]]) {
                return Err(damaged());
            }
            let Some(end) = usize::try_from(length).ok().and_then(|length| length.checked_add(at + 12)) else {
                return Err(damaged());
            };
            // The last record of a run in progress may be incomplete.
            let (Some(data), Some(sum)) = (bytes.get(at + 12..end), bytes.get(end..end + 4)) else { break };
            if masked(data) != u32::from_le_bytes([sum[0], sum[1], sum[2], sum[3]]) {
                return Err(damaged());
            }
            event(data, run, &mut history, limits)?;
            at = end + 4;
        }
        if at == 0 {
            return Err(SourceError::Unreadable("it has no complete TensorBoard record".to_owned()));
        }
        history.table(columns, limits)
    }
}

/// Reads an event: its step, which is omitted if it is 0, and its values.
fn event(message: &[u8], run: usize, history: &mut History, limits: &Limits) -> Result<(), SourceError> {
    let mut step = 0;
    let mut values = Vec::new();
    for (field, value) in Fields::of(message) {
        match (field, value) {
            (2, Wire::Varint(number)) => step = number as i64,
            (5, Wire::Bytes(summary)) => {
                values.extend(Fields::of(summary).filter(|(field, _)| *field == 1).filter_map(|(_, v)| v.bytes()));
            }
            _ => {}
        }
    }
    for value in values {
        let (mut tag, mut number) = (None, None);
        for (field, value) in Fields::of(value) {
            match field {
                1 => tag = value.text(),
                2 => number = value.float().map(f64::from),
                8 => number = value.bytes().and_then(scalar),
                _ => {}
            }
        }
        if let (Some(tag), Some(number)) = (tag, number) {
            history.log(run, step, tag, Cell::Number(number), limits)?;
        }
    }
    Ok(())
}

/// The number in a tensor that holds exactly one.
fn scalar(tensor: &[u8]) -> Option<f64> {
    let kind = Fields::of(tensor).find_map(|(field, value)| if field == 1 { value.varint() } else { None })?;
    Fields::of(tensor).find_map(|(field, value)| match (kind, field, value) {
        // DT_FLOAT or DT_DOUBLE, each as bytes or as a list.
        (1, 4, Wire::Bytes(content)) => Some(f64::from(f32::from_le_bytes(content.try_into().ok()?))),
        (1, 5, Wire::Fixed32(bits)) => Some(f64::from(f32::from_bits(bits))),
        (1, 5, Wire::Bytes(packed)) => Some(f64::from(f32::from_le_bytes(packed.try_into().ok()?))),
        (2, 4 | 6, Wire::Bytes(content)) => Some(f64::from_le_bytes(content.try_into().ok()?)),
        (2, 6, value) => value.double(),
        _ => None,
    })
}

/// The CRC-32C of every byte value.
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The CRC-32C of bytes, rotated and offset as in TensorFlow's record format.
fn masked(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ CRC[usize::from((crc as u8) ^ byte)];
    (!bytes.iter().fold(u32::MAX, step)).rotate_right(15).wrapping_add(0xa282_ead8)
}

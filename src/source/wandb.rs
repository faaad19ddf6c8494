//! W&B runs stored on disk: `run-<id>.wandb`, a log of Protocol Buffers messages in LevelDB blocks.

use std::sync::Arc;

use super::history::{History, cell_of_json, flattened};
use super::object::with_quoted_nan;
use super::wire::{Fields, Wire};
use super::{Asked, Cell, Columns, Limits, NoSettings, Reader, SourceError};

pub(super) struct Wandb;

/// Size of a block in bytes; records that exceed it are split.
const BLOCK: usize = 32_768;
/// Bytes of the file's header: `:W&B`, a magic number, a version.
const HEADER: usize = 7;
/// Bytes before the data of a record: checksum, length, type.
const BEFORE: usize = 7;

impl Reader for Wandb {
    type Settings = NoSettings;

    fn endings(&self) -> &'static [&'static str] {
        &["wandb"]
    }

    fn is_history(&self) -> bool {
        true
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>) -> Result<Columns, SourceError> {
        let Asked { columns, limits, .. } = *asked;
        if bytes.len() < HEADER || !bytes.starts_with(b":W&B") || bytes[4..6] != [0xe1, 0xbe] {
            return Err(SourceError::Unreadable("it is not a W&B log: it does not begin with :W&B".to_owned()));
        }
        let mut history = History::default();
        let mut run = None;
        let mut waiting: Vec<Vec<u8>> = Vec::new();
        for record in records(&bytes)? {
            for (field, value) in Fields::of(&record) {
                match (field, value) {
                    (RUN_RECORD, Wire::Bytes(message)) => run = Some(begin(message, run, &mut history)),
                    (HISTORY_RECORD, Wire::Bytes(message)) => match run {
                        Some(run) => log(message, run, &mut history, limits)?,
                        None => waiting.push(message.to_vec()),
                    },
                    (CONFIG_RECORD, Wire::Bytes(message)) => {
                        if let Some(run) = run {
                            state(message, CONFIG, run, &mut history);
                        }
                    }
                    (SUMMARY_RECORD, Wire::Bytes(message)) => {
                        if let Some(run) = run {
                            state(message, SUMMARY, run, &mut history);
                        }
                    }
                    _ => {}
                }
            }
        }
        let Some(run) = run else {
            return Err(SourceError::Unreadable("it has no run: the log is empty or truncated".to_owned()));
        };
        waiting.iter().try_for_each(|message| log(message, run, &mut history, limits))?;
        history.table(columns, limits)
    }
}

/// Field numbers of a `Record`.
const HISTORY_RECORD: u64 = 2;
const SUMMARY_RECORD: u64 = 3;
const CONFIG_RECORD: u64 = 5;
const RUN_RECORD: u64 = 17;

/// The records of a log, joined from their parts. An incomplete last record, as in a run in progress, is dropped.
fn records(bytes: &[u8]) -> Result<Vec<Vec<u8>>, SourceError> {
    let mut all = Vec::new();
    let mut parts: Option<Vec<u8>> = None;
    let mut at = HEADER;
    loop {
        let left = BLOCK - at % BLOCK;
        if left < BEFORE {
            at += left;
        }
        let Some(head) = bytes.get(at..at + BEFORE) else { return Ok(all) };
        let checksum = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let length = usize::from(u16::from_le_bytes([head[4], head[5]]));
        let kind = head[6];
        if kind == 0 && length == 0 {
            // The rest of this block is padding.
            at += BLOCK - at % BLOCK;
            continue;
        }
        let Some(data) = bytes.get(at + BEFORE..at + BEFORE + length) else { return Ok(all) };
        let mut crc = flate2::Crc::new();
        crc.update(&[kind]);
        crc.update(data);
        if crc.sum() != checksum {
            return Err(SourceError::Unreadable(format!(
                "the record at byte {at} is damaged: its checksum does not match"
            )));
        }
        match (kind, &mut parts) {
            (1, _) => all.push(data.to_vec()),
            (2, _) => parts = Some(data.to_vec()),
            (3, Some(parts)) => parts.extend(data),
            (4, Some(whole)) => {
                whole.extend(data);
                all.extend(parts.take());
            }
            (3 | 4, None) => {}
            _ => return Err(SourceError::Unreadable(format!("the record at byte {at} has an unknown type"))),
        }
        at += BEFORE + length;
    }
}

/// Reads a run record: its name and its settings.
fn begin(message: &[u8], known: Option<usize>, history: &mut History) -> usize {
    let texts: Vec<(u64, &str)> =
        Fields::of(message).filter_map(|(field, value)| Some((field, value.text()?))).collect();
    let text = |wanted: u64| texts.iter().find(|(field, text)| *field == wanted && !text.is_empty()).map(|(_, t)| *t);
    let run = known.unwrap_or_else(|| history.run(text(1).unwrap_or_default()));
    for (field, name) in [(6, "group"), (7, "job_type"), (8, "name"), (12, "sweep"), (3, "project"), (2, "entity")] {
        if let Some(text) = text(field) {
            history.fact(run, name, Cell::Text(text.to_owned()));
        }
    }
    for (field, value) in Fields::of(message) {
        if let (4, Wire::Bytes(config)) = (field, value) {
            state(config, CONFIG, run, history);
        }
    }
    run
}

/// The prefix of settings.
const CONFIG: &str = "config";
/// The prefix of values that a program wrote into the summary of a run, such as a final evaluation.
const SUMMARY: &str = "summary";

/// Reads values that hold for a whole run: `config.lr`, `summary.accuracy`; nested ones are named by their path.
fn state(message: &[u8], prefix: &str, run: usize, history: &mut History) {
    for (field, value) in Fields::of(message) {
        let (1, Wire::Bytes(item)) = (field, value) else { continue };
        let item = Item::of(item);
        if let Some((name, value)) = item.name().zip(item.json()) {
            for (path, cell) in flattened(&value, &format!("{prefix}.{name}")) {
                history.fact(run, &path, cell);
            }
        }
    }
}

/// Reads the values logged at a step.
fn log(message: &[u8], run: usize, history: &mut History, limits: &Limits) -> Result<(), SourceError> {
    let mut step = None;
    let mut items = Vec::new();
    for (field, value) in Fields::of(message) {
        match (field, value) {
            (1, Wire::Bytes(item)) => items.push(Item::of(item)),
            (2, Wire::Bytes(inner)) => {
                step = Fields::of(inner)
                    .find_map(|(field, value)| if field == 1 { value.varint() } else { None })
                    .or(Some(0));
            }
            _ => {}
        }
    }
    let named = items.iter().find(|item| item.name().as_deref() == Some("_step"));
    let step = named.and_then(|item| item.json()?.as_i64()).or(step.map(|step| step as i64)).unwrap_or(0);
    for item in &items {
        let Some((name, value)) = item.name().zip(item.json()) else { continue };
        for (path, cell) in flattened(&value, &name) {
            history.log(run, step, &path, cell, limits)?;
        }
    }
    Ok(())
}

/// An item of the history or of the settings.
#[derive(Default)]
struct Item<'a> {
    key: &'a str,
    nested: Vec<&'a str>,
    value: Option<Value<'a>>,
}

enum Value<'a> {
    Json(&'a str),
    Number(f64),
    Integer(i64),
    Text(&'a str),
    Truth(bool),
}

impl<'a> Item<'a> {
    fn of(message: &'a [u8]) -> Self {
        let mut item = Self::default();
        for (field, value) in Fields::of(message) {
            match field {
                1 => item.key = value.text().unwrap_or_default(),
                2 => item.nested.extend(value.text()),
                4 => item.value = value.varint().map(|truth| Value::Truth(truth != 0)),
                5 => item.value = value.varint().map(|integer| Value::Integer(integer as i64)),
                6 => item.value = value.double().map(Value::Number),
                7 => item.value = value.text().map(Value::Text),
                8 | 16 => item.value = value.text().map(Value::Json),
                _ => {}
            }
        }
        item
    }

    fn name(&self) -> Option<String> {
        if !self.nested.is_empty() {
            return Some(self.nested.join("."));
        }
        (!self.key.is_empty()).then(|| self.key.to_owned())
    }

    fn json(&self) -> Option<serde_json::Value> {
        match self.value.as_ref()? {
            Value::Json(text) => serde_json::from_slice(&with_quoted_nan(text.as_bytes())).ok(),
            Value::Number(number) if number.is_finite() => Some(serde_json::json!(number)),
            Value::Number(number) => Some(serde_json::json!(number.to_string())),
            Value::Integer(integer) => Some(serde_json::json!(integer)),
            Value::Text(text) => Some(serde_json::json!(text)),
            Value::Truth(truth) => Some(serde_json::json!(truth)),
        }
        .filter(|value| cell_of_json(value).is_some() || value.is_object())
    }
}

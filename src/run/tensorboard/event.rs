//! Messages `Event` of TensorBoard in the wire format of protocol buffers: a field is its number and kind, then its value.

/// Kinds of values: numbers of any length, eight bytes, bytes with their length, four bytes.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// Fields of `Event`.
const WALL_TIME: u64 = 1;
const STEP: u64 = 2;
const FILE_VERSION: u64 = 3;
const SUMMARY: u64 = 5;
const SESSION_LOG: u64 = 7;
/// Field of `Summary`.
const VALUE: u64 = 1;
/// Fields of `Summary.Value`.
const TAG: u64 = 1;
const SIMPLE_VALUE: u64 = 2;
/// Field of `SessionLog`, and its value START.
const STATUS: u64 = 1;
const START: u64 = 1;

/// An event.
#[derive(Debug)]
pub struct Event(Vec<u8>);

impl Event {
    /// The first of a file: its format.
    pub fn version(time: f64) -> Self {
        let mut event = Self::at(time, 0);
        bytes(&mut event.0, FILE_VERSION, b"brain.Event:2");
        event
    }

    /// A session that starts at `step`: later events of earlier sessions do not count.
    pub fn starts(time: f64, step: u64) -> Self {
        let mut log = Vec::new();
        field(&mut log, STATUS, VARINT);
        varint(&mut log, START);
        let mut event = Self::at(time, step);
        bytes(&mut event.0, SESSION_LOG, &log);
        event
    }

    /// Scalars at a step, which are added.
    pub fn summary(time: f64, step: u64) -> Self {
        Self::at(time, step)
    }

    /// Adds a scalar: messages of the same field are joined.
    pub fn add(&mut self, tag: &str, number: f64) {
        let mut value = Vec::new();
        bytes(&mut value, TAG, tag.as_bytes());
        field(&mut value, SIMPLE_VALUE, FIXED32);
        value.extend((number as f32).to_le_bytes());
        let mut summary = Vec::new();
        bytes(&mut summary, VALUE, &value);
        bytes(&mut self.0, SUMMARY, &summary);
    }

    /// The message.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn at(time: f64, step: u64) -> Self {
        let mut event = Vec::new();
        field(&mut event, WALL_TIME, FIXED64);
        event.extend(time.to_le_bytes());
        field(&mut event, STEP, VARINT);
        varint(&mut event, step);
        Self(event)
    }
}

fn field(out: &mut Vec<u8>, number: u64, kind: u64) {
    varint(out, number << 3 | kind);
}

fn bytes(out: &mut Vec<u8>, number: u64, value: &[u8]) {
    field(out, number, BYTES);
    varint(out, value.len() as u64);
    out.extend(value);
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_are_those_of_the_format() {
        for (value, wanted) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0x80, 1]),
            (300, &[0xac, 2]),
            (u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ] {
            let mut out = Vec::new();
            varint(&mut out, value);
            assert_eq!(out, wanted);
        }
    }

    #[test]
    fn a_scalar_is_the_message_that_the_format_asks_for() {
        let mut event = Event::summary(0.0, 300);
        event.add("j", 0.5);
        let time = [0x09, 0, 0, 0, 0, 0, 0, 0, 0];
        let step = [0x10, 0xac, 0x02];
        let value = [0x2a, 0x0a, 0x0a, 0x08, 0x0a, 0x01, b'j', 0x15, 0, 0, 0, 0x3f];
        assert_eq!(event.bytes(), [&time[..], &step, &value].concat());
    }
}

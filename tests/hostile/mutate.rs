//! Damage, seeded: the same number makes the same file everywhere. Half of it is done behind checksums and lengths, which
//! are then put right, so that it gets deeper than the first check.

use std::ops::Range;

use rhohat::math::random::Stream;

/// From what is guarded to a file.
pub type Wrap = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// A good file, and how to damage it behind what guards it.
pub struct Seed {
    pub whole: Vec<u8>,
    /// What is guarded.
    pub inner: Vec<u8>,
    pub wrap: Wrap,
}

impl Seed {
    /// A file in which nothing is guarded.
    pub fn bare(whole: Vec<u8>) -> Self {
        Self { inner: whole.clone(), whole, wrap: Box::new(<[u8]>::to_vec) }
    }
}

/// Numbers that readers trip over.
const EXTREMES: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 40, 1 << 62, 1 << 63, u64::MAX];
/// The same in text.
const WORDS: [&str; 12] = [
    "-1",
    "0",
    "",
    "18446744073709551615",
    "9223372036854775807",
    "4294967296",
    "1e999",
    "NaN",
    "0x10",
    "99999999999999999999999",
    "true",
    "[[[[",
];

/// The damaged file of a number.
pub fn mutated(seeds: &[Seed], number: u64) -> Vec<u8> {
    let mut chance = Stream::numbered(5, "hostile files", number);
    let seed = &seeds[below(&mut chance, seeds.len())];
    let guarded = below(&mut chance, 2) == 0;
    let mut bytes = if guarded { seed.inner.clone() } else { seed.whole.clone() };
    for _ in 0..=below(&mut chance, 4) {
        let other = &seeds[below(&mut chance, seeds.len())];
        damage(&mut bytes, if guarded { &other.inner } else { &other.whole }, &mut chance);
    }
    if guarded { (seed.wrap)(&bytes) } else { bytes }
}

fn below(chance: &mut Stream, bound: usize) -> usize {
    chance.below(bound.max(1) as u64) as usize
}

/// Some place in `bytes`; every other time among the first, where headers are.
fn place(bytes: &[u8], chance: &mut Stream) -> usize {
    let early = below(chance, 2) == 0;
    below(chance, if early { bytes.len().min(64) } else { bytes.len() })
}

fn range(bytes: &[u8], chance: &mut Stream) -> Range<usize> {
    let start = place(bytes, chance);
    start..(start + below(chance, 40)).min(bytes.len())
}

/// One kind of damage.
fn damage(bytes: &mut Vec<u8>, other: &[u8], chance: &mut Stream) {
    if bytes.is_empty() {
        return;
    }
    let at = place(bytes, chance);
    match below(chance, 10) {
        0 => bytes[at] ^= 1 << below(chance, 8),
        1 => bytes[at] = chance.below(256) as u8,
        2 => bytes.truncate(at),
        3 => bytes.extend((0..=below(chance, 64)).map(|_| chance.below(256) as u8).collect::<Vec<_>>()),
        4 => {
            let from = place(other, chance);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from.min(other.len())..]);
        }
        5 => drop(bytes.drain(range(bytes, chance))),
        6 => {
            let again = bytes[range(bytes, chance)].repeat(1 + below(chance, 30));
            bytes.splice(at..at, again);
        }
        7 | 8 => extreme_number(&mut bytes[at..], chance),
        _ => extreme_word(bytes, at, chance),
    }
}

/// Overwrites the beginning of `bytes` with a number of 1 to 8 bytes in either order.
fn extreme_number(bytes: &mut [u8], chance: &mut Stream) {
    let size = (1 << below(chance, 4)).min(bytes.len());
    let number = EXTREMES[below(chance, EXTREMES.len())].wrapping_sub(chance.below(3));
    let mut number = number.to_le_bytes()[..size].to_vec();
    if below(chance, 2) == 0 {
        number.reverse();
    }
    bytes[..size].copy_from_slice(&number);
}

/// Replaces the next number in text by another.
fn extreme_word(bytes: &mut Vec<u8>, from: usize, chance: &mut Stream) {
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit).map(|start| from + start) else {
        return;
    };
    let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let word = WORDS[below(chance, WORDS.len())];
    bytes.splice(start..start + digits, word.bytes());
}

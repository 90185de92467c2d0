//! Seeded random numbers with the same bits on every platform and in every version: raw words from ChaCha8, our
//! own conversions and shuffle on top. One named stream a purpose, so that adding a draw in one place changes
//! nothing in another.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// One stream of random numbers, named for its purpose.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream `purpose` of `seed`.
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self::numbered(seed, purpose, 0)
    }

    /// The `number`-th stream of a purpose, for example one an epoch.
    pub fn numbered(seed: u64, purpose: &str, number: u64) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&fnv1a(purpose).to_le_bytes());
        key[16..24].copy_from_slice(&number.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in [0, 1), a multiple of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..bound`, by the multiply-and-reject method, without bias.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Fisher–Yates: puts `items` in a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// A random order of the numbers below a bound that holds no list of them: a Feistel network over the smallest power of
/// two that is not below the bound, walked along until it is within (Black & Rogaway 2002, *Ciphers with arbitrary finite
/// domains*).
#[derive(Clone, Debug)]
pub struct Permutation {
    bound: u64,
    /// Bits of the two halves of a number, the lower one first.
    bits: [u32; 2],
    keys: [u64; ROUNDS],
}

/// Rounds of a [`Permutation`].
const ROUNDS: usize = 8;

impl Permutation {
    /// One of the numbers below `bound`, which `stream` decides.
    pub fn new(bound: u64, stream: &mut Stream) -> Self {
        let bits = 64 - bound.saturating_sub(1).leading_zeros();
        Self { bound, bits: [bits / 2, bits - bits / 2], keys: [(); ROUNDS].map(|()| stream.0.next_u64()) }
    }

    /// The number at `place`, both below the bound.
    pub fn at(&self, place: u64) -> u64 {
        self.walk(place, |number| (0..ROUNDS).fold(number, |number, round| self.round(number, round)))
    }

    /// The place of `number`, both below the bound.
    pub fn place_of(&self, number: u64) -> u64 {
        self.walk(number, |number| (0..ROUNDS).rev().fold(number, |number, round| self.round(number, round)))
    }

    /// The first number within the bound, which comes round at the latest with the one that was begun with.
    fn walk(&self, mut number: u64, step: impl Fn(u64) -> u64) -> u64 {
        assert!(number < self.bound, "{number} is not below {}", self.bound);
        loop {
            number = step(number);
            if number < self.bound {
                return number;
            }
        }
    }

    /// Changes one half by a hash of the other, which undoes itself.
    fn round(&self, number: u64, round: usize) -> u64 {
        let [low_bits, high_bits] = self.bits;
        let low_mask = (1_u64 << low_bits) - 1;
        let (low, high) = (number & low_mask, number >> low_bits);
        if round.is_multiple_of(2) {
            high << low_bits | (low ^ mixed(high ^ self.keys[round]) & low_mask)
        } else {
            let high_mask = (1_u64 << high_bits) - 1;
            (high ^ mixed(low ^ self.keys[round]) & high_mask) << low_bits | low
        }
    }
}

/// The finalizer of SplitMix64 (Steele, Lea & Flood 2014): every bit of `x` changes half of the bits.
fn mixed(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// FNV-1a, 64 bits: turns a purpose into part of a key.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

//! Types of numbers as files hold them, and their bytes as f64.

/// The type of a number in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DType {
    /// A byte, 0 to 255.
    U8,
    /// IEEE half precision.
    F16,
    /// The upper half of an [`DType::F32`].
    Bf16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
}

/// The order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    /// Lowest byte first.
    Little,
    /// Highest byte first.
    Big,
}

impl DType {
    /// Bytes a number.
    pub fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Its name as NumPy spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// All numbers in `bytes`, whose length is a multiple of [`Self::size`]; without loss and as they are.
    pub fn decode(self, bytes: &[u8], endian: Endian) -> Vec<f64> {
        match self {
            Self::U8 => bytes.iter().map(|&byte| byte.into()).collect(),
            Self::F16 => each(bytes, endian, |b| half(u16::from_le_bytes(b))),
            Self::Bf16 => each(bytes, endian, |[low, high]| f32::from_le_bytes([0, 0, low, high]).into()),
            Self::F32 => each(bytes, endian, |b| f32::from_le_bytes(b).into()),
            Self::F64 => each(bytes, endian, f64::from_le_bytes),
        }
    }
}

/// Decodes every N bytes, which `decode` gets with the lowest first.
fn each<const N: usize>(bytes: &[u8], endian: Endian, decode: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let (numbers, rest) = bytes.as_chunks::<N>();
    assert!(rest.is_empty(), "{} bytes are not a whole number of {N}-byte numbers", bytes.len());
    let ordered = |&(mut number): &[u8; N]| {
        if endian == Endian::Big {
            number.reverse();
        }
        decode(number)
    };
    numbers.iter().map(ordered).collect()
}

/// Half precision: 1 sign bit, 5 bits of exponent (bias 15), 10 of fraction.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff) / 1024.0;
    let size = match bits >> 10 & 0x1f {
        0 => fraction * power_of_two(-14),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1.0 + fraction) * power_of_two(i64::from(exponent) - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// 2^`exponent`, for exponents that an f64 holds.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

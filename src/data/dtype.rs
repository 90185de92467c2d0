//! Types of numbers as files hold them, and their bytes as f64.

/// The type of a number in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DType {
    /// False or true in a byte, 0 or 1.
    Bool,
    /// A byte, 0 to 255.
    U8,
    /// A byte, -128 to 127.
    I8,
    /// Two bytes, 0 to 65 535.
    U16,
    /// Two bytes in two's complement.
    I16,
    /// Four bytes without a sign.
    U32,
    /// Four bytes in two's complement.
    I32,
    /// Eight bytes without a sign, of which an f64 keeps the first 53 bits.
    U64,
    /// Eight bytes in two's complement, of which an f64 keeps the first 53 bits.
    I64,
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
    /// All types.
    pub const ALL: [Self; 13] = [
        Self::Bool,
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::U64,
        Self::I64,
        Self::F16,
        Self::Bf16,
        Self::F32,
        Self::F64,
    ];

    /// Bytes a number.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Its name, as Rust spells those that it has.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// Whether it has values that are not finite.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::Bf16 | Self::F32 | Self::F64)
    }

    /// The value of white in pictures of this type; `None` where their numbers are taken as they are.
    pub fn white(self) -> Option<f64> {
        match self {
            Self::U8 => Some(255.0),
            Self::U16 => Some(65_535.0),
            _ => None,
        }
    }

    /// All numbers in `bytes`, whose length is a multiple of [`Self::size`], as they are. Nothing is lost but what an f64 cannot hold
    /// of whole numbers of eight bytes.
    pub fn decode(self, bytes: &[u8], endian: Endian) -> Vec<f64> {
        match self {
            // Any byte but 0 is true.
            Self::Bool => bytes.iter().map(|&byte| (byte != 0).into()).collect(),
            Self::U8 => bytes.iter().map(|&byte| byte.into()).collect(),
            Self::I8 => bytes.iter().map(|&byte| byte.cast_signed().into()).collect(),
            Self::U16 => each(bytes, endian, |b| u16::from_le_bytes(b).into()),
            Self::I16 => each(bytes, endian, |b| i16::from_le_bytes(b).into()),
            Self::U32 => each(bytes, endian, |b| u32::from_le_bytes(b).into()),
            Self::I32 => each(bytes, endian, |b| i32::from_le_bytes(b).into()),
            Self::U64 => each(bytes, endian, |b| u64::from_le_bytes(b) as f64),
            Self::I64 => each(bytes, endian, |b| i64::from_le_bytes(b) as f64),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_type_are_decoded_in_either_order_of_bytes() {
        let cases: [(DType, &[u8], &[f64]); 13] = [
            (DType::Bool, &[0, 1, 2], &[0.0, 1.0, 1.0]),
            (DType::U8, &[0, 255], &[0.0, 255.0]),
            (DType::I8, &[127, 128, 255], &[127.0, -128.0, -1.0]),
            (DType::U16, &[0xfe, 0xff], &[65_534.0]),
            (DType::I16, &[0xfe, 0xff, 1, 2], &[-2.0, 513.0]),
            (DType::U32, &[0xfe, 0xff, 0xff, 0xff], &[4_294_967_294.0]),
            (DType::I32, &[0xfe, 0xff, 0xff, 0xff], &[-2.0]),
            (DType::U64, &[1, 0, 0, 0, 0, 0, 0, 0x80], &[9_223_372_036_854_775_808.0]),
            (DType::I64, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &[-2.0]),
            (DType::F16, &[0, 0x3e], &[1.5]),
            (DType::Bf16, &[0xc0, 0x3f], &[1.5]),
            (DType::F32, &[0, 0, 0xc0, 0x3f], &[1.5]),
            (DType::F64, &[0, 0, 0, 0, 0, 0, 0xf8, 0x3f], &[1.5]),
        ];
        for ((dtype, bytes, wanted), listed) in cases.into_iter().zip(DType::ALL) {
            assert_eq!(dtype, listed);
            assert_eq!(dtype.decode(bytes, Endian::Little), wanted, "{}", dtype.name());
            let turned: Vec<u8> =
                bytes.chunks_exact(dtype.size()).flat_map(|number| number.iter().rev().copied()).collect();
            assert_eq!(dtype.decode(&turned, Endian::Big), wanted, "{}", dtype.name());
        }
    }
}

//! Data packed by Lempel, Ziv and Welch's method, as TIFF and GIF files hold them, read as they are asked for.

use std::io::{self, BufRead, Read};

use weezl::decode::Decoder;
use weezl::{BitOrder, LzwStatus};

/// Unpacks what it reads.
pub struct Lzw<R> {
    from: R,
    decoder: Decoder,
}

/// Bytes of a decoder: strings of 4 096 codes, and the longest of them.
pub const LZW_TABLES: u64 = 64 << 10;

impl<R: BufRead> Lzw<R> {
    /// As TIFF has it: high bits first, codes that grow one early.
    pub fn of_tiff(from: R) -> Self {
        Self { from, decoder: Decoder::with_tiff_size_switch(BitOrder::Msb, 8) }
    }

    /// As GIF has it: low bits first; numbers of `bits` bits, 1 to 8.
    pub fn of_gif(from: R, bits: u8) -> Self {
        Self { from, decoder: Decoder::new(BitOrder::Lsb, bits) }
    }
}

impl<R: BufRead> Read for Lzw<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let packed = self.from.fill_buf()?;
            let result = self.decoder.decode_bytes(packed, out);
            self.from.consume(result.consumed_in);
            if result.consumed_out > 0 {
                return Ok(result.consumed_out);
            }
            match result.status {
                Ok(LzwStatus::Done | LzwStatus::NoProgress) => return Ok(0),
                Ok(LzwStatus::Ok) if result.consumed_in == 0 => return Ok(0),
                Ok(LzwStatus::Ok) => {}
                Err(_) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a code that stands for nothing"));
                }
            }
        }
    }
}

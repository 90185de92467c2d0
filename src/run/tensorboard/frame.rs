//! Frames of TFRecord: length, checksum of the length, bytes, checksum of the bytes; numbers with the lowest byte first.

/// A frame around bytes.
pub fn of(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), bytes, &masked(bytes)].concat()
}

/// The CRC-32C of bytes, turned and moved so that the checksum of what holds checksums is no simple one.
fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, B.4, and the check value of the catalogue of CRCs.
    #[test]
    fn checksums_are_the_published_ones() {
        let ascending: Vec<u8> = (0..32).collect();
        for (bytes, crc) in [
            (&[0; 32][..], 0x8a91_36aa_u32),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
            (b"123456789", 0xe306_9283),
        ] {
            assert_eq!(crc32c::crc32c(bytes), crc);
            let unmasked = u32::from_le_bytes(masked(bytes)).wrapping_sub(0xa282_ead8).rotate_left(15);
            assert_eq!(unmasked, crc);
        }
    }

    #[test]
    fn a_frame_has_its_length_twelve_bytes_before_and_four_behind() {
        let frame = of(b"123456789");
        assert_eq!(frame.len(), 8 + 4 + 9 + 4);
        assert_eq!((&frame[..8], &frame[12..21]), (&[9, 0, 0, 0, 0, 0, 0, 0][..], &b"123456789"[..]));
        // 0xe3069283 rotated right by 15 is 0x2507c60d; masked 0xc78ab0e5.
        assert_eq!(frame[21..], 0xc78a_b0e5_u32.to_le_bytes());
    }
}

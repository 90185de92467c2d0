//! Arguments of the page as values, or what is wrong with them.

use rhohat::{Error, Picture, Result};
use serde::Deserialize;

/// A picture before its pixels.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PictureHead {
    name: String,
    width: usize,
    height: usize,
    channels: usize,
}

/// What the page has handed over is not what was asked for.
pub fn refused(why: impl Into<String>) -> Error {
    Error::input("what the page has handed over", why)
}

/// Numbers of four bytes.
pub fn numbers(bytes: &[u8]) -> Result<Vec<f32>> {
    let (numbers, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(refused(format!("{} bytes are no whole numbers of four", bytes.len())));
    }
    Ok(numbers.iter().map(|&number| f32::from_le_bytes(number)).collect())
}

/// Text.
pub fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| refused(format!("no text: {error}")))
}

/// Pictures, see [`crate::take_pictures`].
pub fn pictures(bytes: &[u8]) -> Result<Vec<Picture>> {
    let end = bytes.iter().position(|&byte| byte == b'\n').ok_or_else(|| refused("no line of JSON"))?;
    let heads: Vec<PictureHead> = serde_json::from_slice(&bytes[..end])
        .map_err(|error| refused(format!("no list of pictures: {error}")))?;
    let mut pixels = numbers(&bytes[end + 1..])?.into_iter();
    let pictures = heads.into_iter().map(|PictureHead { name, width, height, channels }| {
        let count = width.saturating_mul(height).saturating_mul(channels);
        Picture { name: name.into(), width, height, channels, pixels: pixels.by_ref().take(count).collect() }
    });
    let pictures = pictures.collect();
    match pixels.len() {
        0 => Ok(pictures),
        more => Err(refused(format!("{more} numbers behind the last picture"))),
    }
}

/// Several pieces of bytes: `count` lengths as u32, then the bytes of all.
#[cfg(feature = "gpu")]
pub fn pieces(bytes: &[u8], count: usize) -> Result<Vec<Vec<u8>>> {
    let wrong = || refused("lengths and bytes that do not fit each other");
    let (lengths, mut rest) = bytes.split_at_checked(4 * count).ok_or_else(wrong)?;
    let mut pieces = Vec::with_capacity(count);
    for &length in lengths.as_chunks().0 {
        let (piece, later) = rest.split_at_checked(u32::from_le_bytes(length) as usize).ok_or_else(wrong)?;
        pieces.push(piece.to_vec());
        rest = later;
    }
    if rest.is_empty() { Ok(pieces) } else { Err(wrong()) }
}

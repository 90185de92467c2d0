//! The outline of a JPEG file (ITU-T T.81, annex B): its segments by their lengths, its scans up to the next marker, and the
//! end of the image. Bytes behind the end (the film of a motion photo, further pictures, padding) are not looked at. The
//! decoder fills what is missing with grey and says nothing, so that a file without an end is refused by this outline.

use std::io::{BufRead, Seek};

const MARK: u8 = 0xff;
const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;
const PROGRESSIVE: u8 = 0xc2;

/// The headers, from the start of the image to that of the first scan.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct JpegHeaders {
    /// Their bytes.
    pub length: u64,
    /// Across and down, pixels.
    pub size: (u64, u64),
    /// Sampling factors of each component, across and down.
    pub factors: Vec<(u64, u64)>,
    /// Whether the decoder has to hold the coefficients of the whole picture: a progressive one, or one whose first scan has
    /// not all components.
    pub is_buffered: bool,
}

impl JpegHeaders {
    /// Most bytes that the decoder (zune-jpeg) takes besides the file and the picture: bands of rows, and coefficients of 16
    /// bits where it has to hold all.
    pub fn decoder_bytes(&self) -> u64 {
        let most = |of: fn(&(u64, u64)) -> u64| self.factors.iter().map(of).max().unwrap_or(1).max(1);
        let (across, down) = (most(|factors| factors.0), most(|factors| factors.1));
        let units = (self.size.0.div_ceil(8 * across), self.size.1.div_ceil(8 * down));
        // Samples of 16 bits, eight rows of them for each of the factors down, up to three times: as they come, upsampled, and
        // the rows between two bands.
        let band = units.0 * 8 * across * 8 * down * 2;
        let bands = 3 * band * self.factors.len() as u64;
        let block = |factors: &(u64, u64)| 2 * 64 * factors.0 * factors.1 * units.0 * units.1;
        bands + if self.is_buffered { self.factors.iter().map(block).sum() } else { 0 }
    }
}

/// Reads the headers; `None` where the file ends before its first scan, or is no JPEG image.
pub fn headers(from: &mut (impl BufRead + Seek)) -> std::io::Result<Option<JpegHeaders>> {
    let mut walk = Walk { from, at: 0 };
    let mut headers = JpegHeaders::default();
    if !walk.starts()? {
        return Ok(None);
    }
    let mut is_progressive = false;
    while let Some(marker) = walk.marker()? {
        match marker {
            // Frames, but for DHT, JPG and DAC, which have numbers among theirs.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                is_progressive = marker == PROGRESSIVE;
                let Some(frame) = walk.segment(6 + 3 * 255)? else { return Ok(None) };
                let (&[_, h1, h2, w1, w2, _], components) =
                    frame.split_first_chunk().unwrap_or((&[0; 6], &[]));
                let two = |high, low| u64::from(u16::from_be_bytes([high, low]));
                headers.size = (two(w1, w2), two(h1, h2));
                let factors =
                    |component: &[u8; 3]| (u64::from(component[1] >> 4), u64::from(component[1] & 15));
                headers.factors = components.as_chunks().0.iter().map(factors).collect();
            }
            START_OF_SCAN => {
                let Some(scan) = walk.segment(1)? else { return Ok(None) };
                let components = scan.first().map_or(0, |&count| usize::from(count));
                headers.is_buffered = is_progressive || components < headers.factors.len();
                headers.length = walk.at;
                return Ok(Some(headers));
            }
            END_OF_IMAGE => return Ok(None),
            _ if is_alone(marker) => {}
            _ => {
                if walk.segment(0)?.is_none() {
                    return Ok(None);
                }
            }
        }
    }
    Ok(None)
}

/// The number of bytes up to the end of the image, its marker included; `None` where that is missing.
pub fn end(from: &mut (impl BufRead + Seek)) -> std::io::Result<Option<u64>> {
    let mut walk = Walk { from, at: 0 };
    if !walk.starts()? {
        return Ok(None);
    }
    // What follows the header of a scan, its numbers, is passed over by looking for the next marker.
    while let Some(marker) = walk.marker()? {
        match marker {
            END_OF_IMAGE => return Ok(Some(walk.at)),
            _ if is_alone(marker) => {}
            _ => {
                if walk.segment(0)?.is_none() {
                    return Ok(None);
                }
            }
        }
    }
    Ok(None)
}

/// Markers without a segment: those of restarts, one for arithmetic coding, the start of an image, and codes that no version
/// of the format has given a meaning (damage within a scan, on which the decoder has its say).
fn is_alone(marker: u8) -> bool {
    matches!(marker, 0x01..=0xbf | 0xd0..=0xd8)
}

struct Walk<'a, R> {
    from: &'a mut R,
    /// Bytes that have been passed.
    at: u64,
}

impl<R: BufRead + Seek> Walk<'_, R> {
    /// Whether the file starts as an image does.
    fn starts(&mut self) -> std::io::Result<bool> {
        Ok(self.byte()? == Some(MARK) && self.byte()? == Some(START_OF_IMAGE))
    }

    fn byte(&mut self) -> std::io::Result<Option<u8>> {
        let byte = self.from.fill_buf()?.first().copied();
        if byte.is_some() {
            self.from.consume(1);
            self.at += 1;
        }
        Ok(byte)
    }

    /// The code of the next marker. Bytes before it are passed over: numbers of a scan, where 0xff stands before a 0, or
    /// what does not belong there, as decoders pass it over.
    fn marker(&mut self) -> std::io::Result<Option<u8>> {
        loop {
            let bytes = self.from.fill_buf()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let found = bytes.iter().position(|&byte| byte == MARK);
            let passed = found.map_or(bytes.len(), |at| at + 1);
            self.from.consume(passed);
            self.at += passed as u64;
            if found.is_none() {
                continue;
            }
            // Any number of them may stand before a code.
            let mut code = self.byte()?;
            while code == Some(MARK) {
                code = self.byte()?;
            }
            match code {
                Some(0) => {}
                other => return Ok(other),
            }
        }
    }

    /// The first bytes of a segment, `most` of them; all of it is passed over. `None` where the file ends within it, or where
    /// it is too short to have a length.
    fn segment(&mut self, most: usize) -> std::io::Result<Option<Vec<u8>>> {
        let (Some(high), Some(low)) = (self.byte()?, self.byte()?) else { return Ok(None) };
        let Some(length) = usize::from(u16::from_be_bytes([high, low])).checked_sub(2) else {
            return Ok(None);
        };
        let mut start = Vec::with_capacity(most.min(length));
        while start.len() < most.min(length) {
            let Some(byte) = self.byte()? else { return Ok(None) };
            start.push(byte);
        }
        // Beyond the end of the file nothing follows, which the next look finds out.
        let rest = length - start.len();
        self.from.seek_relative(rest as i64)?;
        self.at += rest as u64;
        Ok(Some(start))
    }
}

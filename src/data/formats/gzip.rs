//! IDX files and tables of text packed by gzip: members one behind the other, and zeros behind them, with which tapes and some programs fill
//! files up.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::array::{ArrayBytes, KnownLength, cannot_unpack};
use super::format::{Format, OpenFile};
use super::{csv, idx, unknown};
use crate::data::source::Opened;
use crate::error::{Error, Result};
use crate::io::safe_open::FileRange;

/// IDX files and tables packed by gzip.
pub const FORMAT: Format = Format {
    name: "a gzip file",
    kinds: None,
    usage: None,
    endings: &[".gz"],
    has_parts: false,
    begins: |start| matches!(start, [0x1f, 0x8b, ..]),
    // The one method that there is, and no flag that has no meaning.
    is_certain: |start, _| matches!(start, [_, _, 8, flags, ..] if *flags < 0x20),
    open,
};

/// Opens a file, inflating no more than an IDX header promises.
fn open(OpenFile { path, file, length, reading, .. }: OpenFile<'_>) -> Result<Opened> {
    let damaged = |error: io::Error| cannot_unpack(path, &error);
    let mut from = Gunzip::new(BufReader::new(FileRange::new(&file, 0, length)));
    let mut start = Vec::new();
    from.by_ref().take(4).read_to_end(&mut start).map_err(damaged)?;
    if !idx::recognised(&start) {
        from.by_ref().take(unknown::START - 4).read_to_end(&mut start).map_err(damaged)?;
        if csv::FORMAT.begins(&start) || csv::is_named_so(path, &start) {
            let mut whole = start.as_slice().chain(from);
            return csv::read(path, &mut whole, KnownLength::Packed(length), reading);
        }
        return Err(Error::input(path, unknown::packed(path, &start)));
    }
    if let Some(said) = reading.of_tables() {
        return Err(Error::input(
            path,
            format!("{said} is for tables of text, but this is an IDX file; leave it out"),
        ));
    }
    let layout = idx::read_layout(path, &start, &mut from, damaged)?;
    idx::unpacked(&layout, ArrayBytes { path, from: &mut from, length: KnownLength::Packed(length) }, reading)
}

/// The content of all members.
pub(super) struct Gunzip<R: BufRead> {
    /// `None` behind the last member.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gunzip<R> {
    /// What `from` packs, from its first member on.
    pub(super) fn new(from: R) -> Self {
        Self { member: Some(GzDecoder::new(from)) }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            self.member = self.member.take().map(GzDecoder::into_inner).map(next).transpose()?.flatten();
        }
        Ok(0)
    }
}

/// The member behind zeros, if one is there.
fn next<R: BufRead>(mut from: R) -> io::Result<Option<GzDecoder<R>>> {
    loop {
        let bytes = from.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        let is_all = zeros == bytes.len();
        from.consume(zeros);
        if !is_all {
            return Ok(Some(GzDecoder::new(from)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        // Pieces of three bytes, so that zeros and members come in several.
        Gunzip::new(io::BufReader::with_capacity(3, bytes)).read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn members_and_zeros_between_and_behind_them_are_one_content() {
        let (first, second) = (packed(b"first "), packed(b"second"));
        let whole = [&first[..], &[0; 100], &second, &[0; 1000]].concat();
        for (bytes, wanted) in [
            (&first[..], &b"first "[..]),
            (&[&first[..], &[0; 7]].concat(), b"first "),
            (&[&first[..], &second].concat(), b"first second"),
            (&whole, b"first second"),
        ] {
            assert_eq!(unpacked(bytes).unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_behind_a_member_and_no_member_is_an_error() {
        assert!(unpacked(&[&packed(b"first ")[..], b"\0\0more"].concat()).is_err());
        let first = packed(b"first ");
        assert!(unpacked(&first[..first.len() - 1]).is_err());
        assert!(unpacked(b"").is_err());
    }
}

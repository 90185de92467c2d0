//! Pictures within a page: many small ones side by side in one PNG, which a style shows a part of.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::data::Form;
use crate::error::{Error, Result};
use crate::run::picture::{columns, side_by_side};

/// Pictures of one form in one PNG.
#[derive(Debug)]
pub struct Sprite {
    /// How many stand side by side.
    pub columns: usize,
    /// Pixels across and down.
    pub size: (usize, usize),
    /// The PNG as an address that holds it.
    pub url: String,
}

impl Sprite {
    /// Of `count` pictures.
    ///
    /// # Errors
    /// [`Error::Io`] where a picture cannot be encoded.
    pub fn new(count: usize, form: Form, pictures: impl Iterator<Item = Vec<u8>>) -> Result<Self> {
        let canvas = side_by_side(count, form, pictures);
        let mut png = Vec::new();
        canvas.write_to(&mut png).map_err(|error| Error::io("encode", "a picture of the report", error))?;
        let url = format!("data:image/png;base64,{}", STANDARD.encode(png));
        Ok(Self { columns: columns(count).max(1), size: (canvas.width, canvas.height), url })
    }

    /// Column and row of a picture.
    pub fn place(&self, number: usize) -> (usize, usize) {
        (number % self.columns, number / self.columns)
    }
}

//! A model's file in memory.

use super::Model;
use crate::error::Result;
use crate::run::model_bytes;

impl Model {
    /// The bytes of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = model_bytes::write_to(&mut bytes, &self.params, &self.meta);
        written.expect("memory takes all that is written");
        bytes
    }

    /// The same again; files of other programs are [loaded](Model::load).
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) for bytes that are not those of a file of this library.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (params, meta) = model_bytes::from_bytes(bytes)?;
        let (name, selector) = ("the model".into(), "auto".to_owned());
        Ok(Self { params, meta, is_foreign: false, name, selector, computing: Default::default() })
    }
}

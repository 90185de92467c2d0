//! Absurd headers, made by hand: what each promises, and the words in which it is refused.

mod arrays;
mod images;
mod named;
mod pictures;

use std::path::Path;

use crate::readers::{Seen, read_data};
use crate::watched::Judge;

/// Counts as the name of a format.
pub const NAME: &str = "headers";
/// Fewest cases.
pub const LEAST: usize = 100;

/// All cases, in groups that are made one after the other.
pub const ALL: [fn() -> Vec<Case>; 13] = [
    arrays::npy,
    arrays::npz,
    arrays::sparse,
    arrays::idx,
    images::png,
    images::jpeg,
    pictures::tiffs,
    pictures::others,
    named::safetensors,
    named::models,
    named::classifiers,
    named::labels,
    named::configurations,
];

/// One file.
pub struct Case {
    file: &'static str,
    /// Made when its turn comes, since some are large.
    bytes: Box<dyn FnOnce() -> Vec<u8>>,
    read: fn(&Path) -> rhohat::Result<Seen>,
    /// Words of the refusal; none if it is to be read.
    words: Option<&'static str>,
}

impl Case {
    /// Runs it; what is wrong with the answer, if anything is.
    pub fn run(self, folder: &Path, judge: &mut Judge) -> Option<String> {
        let Self { file, bytes, read, words } = self;
        let said = judge.case(&folder.join(file), bytes(), read);
        let is_right = match (words, &said) {
            (Some(words), Some(text)) => text.contains(words),
            (None, None) => true,
            _ => false,
        };
        (!is_right).then(|| format!("{file} was to say {words:?}, but said {said:?}"))
    }
}

fn data(file: &'static str, bytes: Vec<u8>, words: &'static str) -> Case {
    Case { file, bytes: Box::new(move || bytes), read: read_data, words: Some(words) }
}

/// One that is to be read.
fn readable(file: &'static str, bytes: impl FnOnce() -> Vec<u8> + 'static) -> Case {
    Case { file, bytes: Box::new(bytes), read: read_data, words: None }
}

//! The classes of labelled data that are taken, as the user names them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::labels::Labels;

/// Classes by their names, or as ranges of whole numbers: `cat,dog`, `0-4`, `-1,5-9`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClassChoice(Vec<String>);

/// Names that an error repeats.
const NAMED: usize = 20;

impl ClassChoice {
    /// Which of the names of `labels` are chosen.
    ///
    /// # Errors
    /// Says which there is not.
    pub fn of(&self, labels: &Labels) -> Result<Vec<bool>, String> {
        let mut chosen = vec![false; labels.names.len()];
        for item in &self.0 {
            let range = range(item);
            // A name comes before the range that it looks like.
            let is_named = labels.names.contains(item);
            let is_meant = |name: &String| match (is_named, range) {
                (true, _) => name == item,
                (false, Some((first, last))) => {
                    name.parse().is_ok_and(|number: i64| (first..=last).contains(&number))
                }
                (false, None) => false,
            };
            let before = chosen.iter().filter(|chosen| **chosen).count();
            let meant: Vec<usize> = (0..chosen.len()).filter(|&i| is_meant(&labels.names[i])).collect();
            meant.iter().for_each(|&i| chosen[i] = true);
            if meant.is_empty() {
                let some = labels.names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if labels.names.len() > NAMED { ", …" } else { "" };
                return Err(format!("`classes` {self}: no label is {item}; there are: {some}{more}"));
            }
            if chosen.iter().filter(|chosen| **chosen).count() < before + meant.len() {
                return Err(format!("`classes` {self} names a class twice, in {item}; name each once"));
            }
        }
        Ok(chosen)
    }
}

/// `0-4`, `-3--1`.
fn range(item: &str) -> Option<(i64, i64)> {
    let dash = item.char_indices().skip(1).find(|&(_, c)| c == '-')?.0;
    let (first, last) = (item[..dash].trim().parse().ok()?, item[dash + 1..].trim().parse().ok()?);
    (first <= last).then_some((first, last))
}

impl FromStr for ClassChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let items: Vec<String> = text.split(',').map(|item| item.trim().to_owned()).collect();
        if items.iter().any(String::is_empty) {
            return Err(format!(
                "{text:?} names no classes; give labels, or ranges of whole ones, as cat,dog or 0-4"
            ));
        }
        Ok(Self(items))
    }
}

impl TryFrom<String> for ClassChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ClassChoice> for String {
    fn from(choice: ClassChoice) -> Self {
        choice.to_string()
    }
}

impl fmt::Display for ClassChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str, names: &[&str]) -> Result<String, String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let labels = Labels { names, of: Vec::new() };
        let chosen = text.parse::<ClassChoice>()?.of(&labels)?;
        let names = labels.names.into_iter().zip(chosen).filter(|(_, chosen)| *chosen);
        Ok(names.map(|(name, _)| name).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn classes_are_chosen_by_names_and_ranges() {
        let digits = ["-2", "-1", "0", "1", "2", "10"];
        assert_eq!(chosen("0-4", &digits).unwrap(), "0 1 2");
        assert_eq!(chosen("-2--1, 10", &digits).unwrap(), "-2 -1 10");
        assert_eq!(chosen("dog,cat", &["cat", "cow", "dog"]).unwrap(), "cat dog");
        // A name comes before the range that it looks like.
        assert_eq!(chosen("1-2", &["1", "1-2", "2"]).unwrap(), "1-2");
    }

    #[test]
    fn a_class_that_there_is_not_or_that_stands_twice_is_refused() {
        for (text, word) in [
            ("0-4,owl", "no label is owl"),
            ("7-9", "there are: 0, 1"),
            ("0,0-1", "twice"),
            ("0,,1", "names no classes"),
        ] {
            let why = chosen(text, &["0", "1"]).unwrap_err();
            assert!(why.contains(word), "{text}: {why}");
        }
    }
}

//! The columns of a table that are learned from, as the user names them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Columns by their names, or by their numbers counted from 0 and ranges of these: `length,width`, `0-63,70`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ColumnChoice(Vec<String>);

impl ColumnChoice {
    /// The numbers of the chosen columns in a table of so many, in the order in which they were named; an error says which there
    /// is not, or which was named twice. Names come before numbers.
    ///
    /// # Errors
    /// A text with what is wrong.
    pub fn of(&self, names: &[String], count: usize) -> Result<Vec<usize>, String> {
        let mut chosen: Vec<usize> = Vec::new();
        for item in &self.0 {
            let columns = match names.iter().position(|name| name == item) {
                Some(column) => column..=column,
                None => numbers(item).ok_or_else(|| unknown(item, names, count))?,
            };
            if *columns.end() >= count {
                return Err(unknown(item, names, count));
            }
            chosen.extend(columns);
        }
        let mut sorted = chosen.clone();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => {
                Err(format!("`use_columns` {self} names column {} twice; name each once", twice[0]))
            }
            None => Ok(chosen),
        }
    }
}

/// The number of a column by its name, or by its number counted from 0.
pub fn column(item: &str, names: &[String], count: usize) -> Result<usize, String> {
    let by_number = || item.parse().ok().filter(|&column| column < count);
    let found = names.iter().position(|name| name == item).or_else(by_number);
    found.ok_or_else(|| unknown(item, names, count))
}

/// `7` or `0-63`.
fn numbers(item: &str) -> Option<RangeInclusive<usize>> {
    let (first, last) = item.split_once('-').unwrap_or((item, item));
    let range: RangeInclusive<usize> = first.trim().parse().ok()?..=last.trim().parse().ok()?;
    (!range.is_empty()).then_some(range)
}

/// Names that an error repeats.
const NAMED: usize = 20;

fn unknown(item: &str, names: &[String], count: usize) -> String {
    let fact = format!("no column is called {item}");
    let numbers = format!("their numbers from 0 to {}", count.saturating_sub(1));
    if names.is_empty() {
        return format!("{fact}: the table has no names; give columns by {numbers}");
    }
    let some = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{fact}; there are: {some}{more}, or give {numbers}")
}

impl FromStr for ColumnChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let items: Vec<String> = text.split(',').map(|item| item.trim().to_owned()).collect();
        if items.iter().any(String::is_empty) {
            return Err(format!(
                "{text:?} names no columns; give names, or numbers from 0 and ranges, as length,width or 0-63"
            ));
        }
        Ok(Self(items))
    }
}

impl TryFrom<String> for ColumnChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ColumnChoice> for String {
    fn from(choice: ColumnChoice) -> Self {
        choice.to_string()
    }
}

impl fmt::Display for ColumnChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_chosen_by_names_numbers_and_ranges() {
        let names: Vec<String> = ["a", "b", "2", "d"].map(String::from).into();
        let of = |text: &str, names: &[String]| text.parse::<ColumnChoice>().unwrap().of(names, 4);
        assert_eq!(of("d, a", &names), Ok(vec![3, 0]));
        assert_eq!(of("0-1,3", &[]), Ok(vec![0, 1, 3]));
        // A name comes before the number that it looks like.
        let names_of_numbers: Vec<String> = ["3", "2", "1", "0"].map(String::from).into();
        assert_eq!(of("3", &names_of_numbers), Ok(vec![0]));
        for (text, names, words) in [
            ("e", &names[..], "there are: a, b, 2, d"),
            ("4", &[], "from 0 to 3"),
            ("2-7", &[], "no column is called 2-7"),
            ("3-1", &[], "no column is called 3-1"),
            ("0-2,1", &[], "column 1 twice"),
        ] {
            assert!(of(text, names).unwrap_err().contains(words), "{text}: {:?}", of(text, names));
        }
        assert!("a,,b".parse::<ColumnChoice>().is_err() && "".parse::<ColumnChoice>().is_err());
    }
}

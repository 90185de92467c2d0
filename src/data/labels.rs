//! Labels of examples: names, and for each item of a source the number of its name. They come with class folders, CIFAR
//! files and columns of tables; nothing is learned from them.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::subset::Subset;

/// The name of pictures that lie in DATA itself, and in no folder of it.
const ITSELF: &str = ".";

/// Labels of the items of a source, pictures or rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// The names, each once; sorted, whole numbers by their size and others as text, but where a format numbers them.
    pub names: Vec<String>,
    /// The number of the name of each item, in their order.
    pub of: Vec<u32>,
}

impl Labels {
    /// The folders directly in `root` in which files lie, however deep; `None` where all lie in `root` itself.
    pub fn of_folders(root: &Path, files: &[PathBuf]) -> Option<Self> {
        let folder = |file: &PathBuf| -> String {
            let within = file.strip_prefix(root).ok();
            let mut parts = within.into_iter().flat_map(Path::components);
            match (parts.next(), parts.next()) {
                (Some(Component::Normal(folder)), Some(_)) => folder.to_string_lossy().into_owned(),
                _ => ITSELF.to_owned(),
            }
        };
        let folders: Vec<String> = files.iter().map(folder).collect();
        let names: BTreeSet<&String> = folders.iter().collect();
        let names: Vec<String> = names.into_iter().cloned().collect();
        let number = |name: &String| names.binary_search(name).unwrap_or_default() as u32;
        let of = folders.iter().map(number).collect();
        (names != [ITSELF]).then_some(Self { names, of })
    }

    /// Those of some of the items; all names stay.
    #[must_use]
    pub(super) fn subset(&self, subset: &Subset) -> Self {
        let of = (0..subset.len()).map(|at| self.of[subset.number(at)]).collect();
        Self { names: self.names.clone(), of }
    }

    /// The places of the items whose names are `chosen`, and their labels with no other names.
    #[must_use]
    pub fn chosen(&self, chosen: &[bool]) -> (Vec<usize>, Self) {
        let mut next = 0;
        let renamed: Vec<u32> = chosen
            .iter()
            .map(|&chosen| {
                next += u32::from(chosen);
                next.wrapping_sub(1)
            })
            .collect();
        let places: Vec<usize> = (0..self.of.len()).filter(|&at| chosen[self.of[at] as usize]).collect();
        let of = places.iter().map(|&at| renamed[self.of[at] as usize]).collect();
        let names = self.names.iter().zip(chosen).filter(|(_, chosen)| **chosen);
        (places, Self { names: names.map(|(name, _)| name.clone()).collect(), of })
    }

    /// Those of several sources, one behind the other; names that several of them have are one.
    #[must_use]
    pub fn joined(parts: &[&Self]) -> Self {
        let (mut names, mut of) = (Vec::new(), Vec::new());
        for part in parts {
            let first = names.len() as u32;
            names.extend(part.names.iter().cloned());
            of.extend(part.of.iter().map(|label| first + label));
        }
        Self::sorted(names, &of)
    }

    /// How many items have each name.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.names.len()];
        self.of.iter().for_each(|&label| counts[label as usize] += 1);
        counts
    }

    /// `3 labels: cats 12, dogs 9, …`, of at most `most` names.
    pub fn in_words(&self, most: usize) -> String {
        let counted = self.names.iter().zip(self.counts());
        let mut words: Vec<String> =
            counted.take(most).map(|(name, count)| format!("{name} {count}")).collect();
        if self.names.len() > most {
            words.push("…".to_owned());
        }
        let s = if self.names.len() == 1 { "" } else { "s" };
        format!("{} label{s}: {}", self.names.len(), words.join(", "))
    }

    /// From the labels in any order, and for each example the place of its own; those that stand twice become one.
    #[must_use]
    pub fn sorted(names: Vec<String>, of: &[u32]) -> Self {
        let mut sorted = names.clone();
        let number = |name: &String| name.parse::<i64>().ok();
        if names.iter().all(|name| number(name).is_some()) {
            sorted.sort_by_key(number);
        } else {
            sorted.sort_unstable();
        }
        sorted.dedup();
        let mut places = std::collections::HashMap::new();
        for (place, name) in sorted.iter().enumerate() {
            places.insert(name.as_str(), place as u32);
        }
        let place_of: Vec<u32> =
            names.iter().map(|name| places.get(name.as_str()).copied().unwrap_or_default()).collect();
        let of = of.iter().map(|&at| place_of.get(at as usize).copied().unwrap_or_default()).collect();
        Self { names: sorted, of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_directly_in_data_is_the_label_however_deep_a_file_lies() {
        let files = ["d/b/1.png", "d/a/deep/2.png", "d/3.png", "d/b/4.png"].map(PathBuf::from);
        let labels = Labels::of_folders(Path::new("d"), &files).unwrap();
        assert_eq!(labels.names, [".", "a", "b"]);
        assert_eq!((labels.of.as_slice(), labels.counts()), (&[2, 1, 0, 2][..], vec![1, 1, 2]));
        assert_eq!(labels.in_words(2), "3 labels: . 1, a 1, …");
        assert_eq!(Labels::of_folders(Path::new("d"), &files[2..3]), None);
    }

    #[test]
    fn of_chosen_classes_the_items_stay_with_their_names() {
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let labels = Labels { names, of: vec![2, 0, 1, 2] };
        let (places, chosen) = labels.chosen(&[true, false, true]);
        assert_eq!(
            (places, chosen.names.join(" "), chosen.of),
            (vec![0, 1, 3], "a c".to_owned(), vec![1, 0, 1])
        );
    }

    #[test]
    fn labels_are_sorted_as_numbers_where_all_are_and_examples_keep_theirs() {
        let labels =
            |names: &[&str], of: &[u32]| Labels::sorted(names.iter().map(|&name| name.into()).collect(), of);
        let digits = labels(&["10", "9", "-1"], &[0, 1, 2, 0]);
        assert_eq!((digits.names.join(" "), digits.of), ("-1 9 10".to_owned(), vec![2, 1, 0, 2]));
        let words = labels(&["b", "10", "9", "b"], &[0, 1, 2, 3]);
        assert_eq!((words.names.join(" "), words.of), ("10 9 b".to_owned(), vec![2, 0, 1, 2]));
    }
}

//! Labels of examples, which are kept beside them and never learned from.

/// A label an example.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// The labels that there are, sorted: whole numbers by their size, others as text.
    pub names: Vec<String>,
    /// For each example, the place of its label in [`Self::names`].
    pub of: Vec<u32>,
}

impl Labels {
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
    fn labels_are_sorted_as_numbers_where_all_are_and_examples_keep_theirs() {
        let labels =
            |names: &[&str], of: &[u32]| Labels::sorted(names.iter().map(|&name| name.into()).collect(), of);
        let digits = labels(&["10", "9", "-1"], &[0, 1, 2, 0]);
        assert_eq!((digits.names.join(" "), digits.of), ("-1 9 10".to_owned(), vec![2, 1, 0, 2]));
        let words = labels(&["b", "10", "9", "b"], &[0, 1, 2, 3]);
        assert_eq!((words.names.join(" "), words.of), ("10 9 b".to_owned(), vec![2, 0, 1, 2]));
    }
}

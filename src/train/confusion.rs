//! The confusion matrix of a classifier: how often examples of each class were taken for each class.

use serde::{Deserialize, Serialize};

/// Counts of examples by their class and the class that they were taken for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Confusion {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// `[classes, classes]`: a row for each class, in it how many of its examples were taken for which.
    pub counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// Counts examples with the classes of `labels` that were taken for those of `predicted`.
    ///
    /// # Panics
    /// For lists of two lengths, or a class that has no name.
    pub fn of(classes: &[String], labels: &[usize], predicted: &[usize]) -> Self {
        assert_eq!(labels.len(), predicted.len(), "one prediction for each label");
        let mut counts = vec![vec![0; classes.len()]; classes.len()];
        labels.iter().zip(predicted).for_each(|(&label, &taken_for)| counts[label][taken_for] += 1);
        Self { classes: classes.to_vec(), counts }
    }

    /// Examples in all.
    pub fn examples(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Examples that were taken for what they are.
    pub fn right(&self) -> u64 {
        self.counts.iter().enumerate().map(|(class, row)| row[class]).sum()
    }

    /// Share of the examples that were taken for what they are; 0 where there are none.
    pub fn accuracy(&self) -> f64 {
        share(self.right(), self.examples()).unwrap_or(0.0)
    }

    /// Share of the examples of a class that were taken for it; `None` where it has none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.counts[class][class], self.counts[class].iter().sum())
    }

    /// Share of the examples that were taken for a class which belong to it; `None` where none was.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.counts[class][class], self.counts.iter().map(|row| row[class]).sum())
    }

    /// The pairs of classes that are mistaken most often: class, the one it was taken for, how often; `most` of them.
    pub fn mistakes(&self, most: usize) -> Vec<(usize, usize, u64)> {
        let cells = self.counts.iter().enumerate().flat_map(|(class, row)| {
            row.iter().enumerate().map(move |(taken_for, &count)| (class, taken_for, count))
        });
        let mut mistakes: Vec<_> =
            cells.filter(|&(class, taken_for, count)| class != taken_for && count > 0).collect();
        mistakes.sort_by_key(|&(class, taken_for, count)| (std::cmp::Reverse(count), class, taken_for));
        mistakes.truncate(most);
        mistakes
    }
}

/// The class with the largest probability in each row of `[rows, classes]`; of two that are equal the first.
pub fn most_probable(probabilities: &[f32], classes: usize) -> Vec<usize> {
    let largest =
        |row: &[f32]| (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best });
    probabilities.chunks_exact(classes).map(largest).collect()
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion() -> Confusion {
        let classes = ["cat", "dog", "owl"].map(str::to_owned);
        Confusion::of(&classes, &[0, 0, 0, 1, 1, 1], &[0, 0, 1, 1, 0, 0])
    }

    #[test]
    fn rows_are_true_classes_and_columns_what_they_were_taken_for() {
        let confusion = confusion();
        assert_eq!(confusion.counts, [[2, 1, 0], [2, 1, 0], [0, 0, 0]]);
        assert_eq!((confusion.right(), confusion.examples(), confusion.accuracy()), (3, 6, 0.5));
        assert_eq!((confusion.recall(0), confusion.recall(2)), (Some(2.0 / 3.0), None));
        assert_eq!((confusion.precision(0), confusion.precision(2)), (Some(0.5), None));
        assert_eq!(confusion.mistakes(1), [(1, 0, 2)]);
        assert_eq!(confusion.mistakes(9), [(1, 0, 2), (0, 1, 1)]);
        assert_eq!(Confusion::of(&confusion.classes, &[], &[]).accuracy(), 0.0);
    }

    #[test]
    fn the_first_of_equal_probabilities_is_taken() {
        assert_eq!(most_probable(&[0.2, 0.4, 0.4, 0.5, 0.5, 0.0], 3), [1, 0]);
        assert_eq!(most_probable(&[1.0, 1.0], 1), [0, 0]);
    }
}

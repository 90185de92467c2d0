//! The course of a run, from `metrics.jsonl`: as many of its lines as a chart can show.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use crate::engine::evenly;

/// Lines that a chart shows at most.
const POINTS: usize = 400;
/// Longest line that is read, bytes.
const LONGEST: u64 = 1 << 16;

/// Lines of the metrics, evenly spaced, the last one among them.
#[derive(Debug, Default)]
pub struct History {
    lines: Vec<Value>,
    /// The steps of these lines.
    pub steps: Vec<f64>,
}

impl History {
    /// Of the text of `metrics.jsonl`; what is no line of it is left out.
    pub fn read(text: impl Read) -> Self {
        let mut reader = BufReader::new(text);
        let (mut lines, mut line) = (Vec::new(), Vec::new());
        // Twice the points, then every second: no more lines are held than a chart needs, whatever the length of the run.
        let (mut every, mut number) = (1_usize, 0_usize);
        let mut newest: Option<Value> = None;
        loop {
            line.clear();
            match (&mut reader).take(LONGEST).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            let Ok(value) = serde_json::from_slice::<Value>(&line) else { continue };
            if value["step"].as_f64().is_none() {
                continue;
            }
            let Some(before) = newest.replace(value) else { continue };
            if number.is_multiple_of(every) {
                lines.push(before);
                if lines.len() == 2 * POINTS {
                    lines = lines.into_iter().step_by(2).collect();
                    every *= 2;
                }
            }
            number += 1;
        }
        let mut chosen: Vec<Value> = evenly(lines.len(), POINTS)
            .into_iter()
            .filter_map(|i| lines.get_mut(i).map(Value::take))
            .collect();
        chosen.extend(newest);
        let steps = chosen.iter().filter_map(|line| line["step"].as_f64()).collect();
        Self { lines: chosen, steps }
    }

    /// The values of a name.
    pub fn values(&self, name: &str) -> Vec<Option<f64>> {
        self.lines.iter().map(|line| line[name].as_f64()).collect()
    }

    /// The values of a name of the measures over held-out examples.
    pub fn held_out(&self, name: &str) -> Vec<Option<f64>> {
        self.lines.iter().map(|line| line["validation_measures"][name].as_f64()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_thinned_and_keeps_its_ends() {
        for count in [0_usize, 1, 2, 399, 800, 801, 1600, 12_345] {
            let text: String = (0..count).map(|i| format!("{{\"step\":{i},\"j\":{}}}\n", 2 * i)).collect();
            let history = History::read(text.as_bytes());
            assert!(history.steps.len() <= POINTS + 1);
            assert_eq!(history.steps.len(), count.min(history.steps.len()));
            assert!(history.steps.is_sorted());
            assert_eq!(history.steps.first().copied(), (count > 0).then_some(0.0));
            assert_eq!(
                history.steps.last().copied(),
                count.checked_sub(1).map(|last| last as f64),
                "{count}"
            );
            let doubled = history.steps.iter().map(|step| Some(2.0 * step));
            assert!(history.values("j").into_iter().eq(doubled));
        }
    }

    #[test]
    fn half_a_line_and_other_things_are_left_out() {
        let text = "{\"step\":1,\"j\":3}\nnothing\n{\"j\":1}\n{\"step\":2}\n{\"step\":";
        let history = History::read(text.as_bytes());
        assert_eq!((history.steps.clone(), history.values("j")), (vec![1.0, 2.0], vec![Some(3.0), None]));
    }
}

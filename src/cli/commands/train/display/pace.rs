//! When a line is due: the first at once, others after a pause. Time is handed in.

use std::time::Duration;

/// The pace of lines.
#[derive(Debug)]
pub struct Pace {
    pause: Duration,
    /// When the last line was written.
    last: Option<Duration>,
}

impl Pace {
    /// A line at most in every `pause`.
    pub fn of(pause: Duration) -> Self {
        Self { pause, last: None }
    }

    /// Whether a line is due at `now`, which is taken to be written then.
    pub fn is_due(&mut self, now: Duration) -> bool {
        let due = self.last.is_none_or(|last| now.saturating_sub(last) >= self.pause);
        if due {
            self.last = Some(now);
        }
        due
    }

    /// Whether a line has been written yet.
    pub fn has_begun(&self) -> bool {
        self.last.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_due_at_once_and_others_after_the_pause() {
        let mut pace = Pace::of(Duration::from_secs(30));
        assert!(!pace.has_begun());
        let due = [4, 5, 33, 34, 35, 63, 64, 200, 229, 230].map(|now| pace.is_due(Duration::from_secs(now)));
        assert_eq!(due, [true, false, false, true, false, false, true, true, false, true]);
        assert!(pace.has_begun());
    }
}

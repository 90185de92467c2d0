//! Waiting for other ranks: at first without a pause, since an answer is often a microsecond away, then with naps, so that ranks
//! that share a core let each other work, and not for ever.

use std::thread;
use std::time::{Duration, Instant};

/// How long nobody else is let in.
const SPIN: Duration = Duration::from_micros(5);
/// How long others are let in without a nap. The shortest nap takes some 60 µs on Linux. With ten times as long until the first
/// one, ranks that share cores wait several times as long for a small sum under MPICH, which does not yield by itself.
const YIELD: Duration = Duration::from_micros(50);
/// Naps are this part of the time waited so far, so that they make no wait much longer.
const PART: u32 = 8;
/// The longest nap.
const NAP: Duration = Duration::from_millis(1);

/// A wait that began some time ago.
#[derive(Debug)]
pub struct Wait {
    since: Instant,
    patience: Option<Duration>,
}

impl Wait {
    /// Begins; `None` waits for ever.
    pub fn new(patience: Option<Duration>) -> Self {
        Self { since: Instant::now(), patience }
    }

    /// Pauses for as long as is sensible by now. False once patience has ended.
    pub fn pause(&self) -> bool {
        let waited = self.since.elapsed();
        if self.patience.is_some_and(|patience| waited >= patience) {
            return false;
        }
        match nap(waited) {
            None => std::hint::spin_loop(),
            Some(Duration::ZERO) => thread::yield_now(),
            Some(nap) => thread::sleep(nap),
        }
        true
    }
}

/// The nap after so long a wait: `None` while it is too early for any.
fn nap(waited: Duration) -> Option<Duration> {
    if waited < SPIN {
        None
    } else if waited < YIELD {
        Some(Duration::ZERO)
    } else {
        Some((waited / PART).min(NAP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naps_grow_to_a_millisecond_and_stay_a_small_part_of_the_wait() {
        assert_eq!(nap(Duration::ZERO), None);
        assert_eq!(nap(SPIN), Some(Duration::ZERO));
        let naps = (0..20).map(|power| YIELD * 2_u32.pow(power)).map(|waited| (waited, nap(waited).unwrap()));
        for (waited, nap) in naps {
            assert!(nap > Duration::ZERO && nap <= NAP && nap * PART <= waited, "{nap:?} after {waited:?}");
        }
        assert_eq!(nap(Duration::from_secs(1)), Some(NAP));
    }

    #[test]
    fn patience_ends_and_without_any_it_does_not() {
        assert!(!Wait::new(Some(Duration::ZERO)).pause());
        assert!(Wait::new(Some(Duration::MAX)).pause());
        let long_ago = Instant::now().checked_sub(Duration::from_millis(700)).unwrap();
        assert!(Wait { since: long_ago, patience: None }.pause());
        assert!(!Wait { since: long_ago, patience: Some(Duration::from_millis(600)) }.pause());
    }
}

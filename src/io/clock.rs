//! Moments of the clock. A build without the feature `files` has none: there no time passes, which is right where a clock
//! would end the program, as on bare WebAssembly.

use std::time::Duration;

/// A moment of the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Inner);

#[cfg(feature = "files")]
type Inner = std::time::Instant;
#[cfg(not(feature = "files"))]
type Inner = Duration;

impl Moment {
    /// This one.
    #[cfg(feature = "files")]
    pub fn now() -> Self {
        Self(Inner::now())
    }

    /// The only one.
    #[cfg(not(feature = "files"))]
    pub fn now() -> Self {
        Self(Duration::ZERO)
    }

    /// Time since `earlier`.
    pub fn since(self, earlier: Self) -> Duration {
        self.0 - earlier.0
    }

    /// Time that has passed.
    pub fn elapsed(self) -> Duration {
        Self::now().since(self)
    }

    /// The moment `time` later; `None` beyond what the clock can tell.
    pub fn after(self, time: Duration) -> Option<Self> {
        self.0.checked_add(time).map(Self)
    }
}

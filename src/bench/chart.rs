//! The roofline.

use super::tasks::Bench;

/// SVG.
pub fn roofline(_: &Bench) -> String {
    String::new()
}

//! What DATA was taken for, told before anything is done with it.

use rhohat::data::numbers::Number;
use rhohat::data::{Found, Scale, Taken};

/// Prints the line about DATA, and a warning where its shape can be read in two ways; a model of so many `visible` units
/// decides between them.
pub fn tell(taken: &Taken, scale: Scale, visible: Option<usize>) {
    tracing::info!("{}", taken.line(scale));
    if scale == Scale::Pixels && !taken.pixels && taken.number == Some(Number::U8) {
        tracing::info!(
            "bytes are divided by 255, as version 0.1.0 did, of which these settings or this model are; \
             --divide 1 takes them as they are"
        );
    }
    let fits = matches!(taken.found, Found::Rows { cols, .. } if Some(cols) == visible);
    if let Some(doubt) = taken.doubt.as_ref().filter(|_| !fits) {
        tracing::warn!("{doubt}");
    }
}

//! What DATA was taken for, told before anything is done with it.

use crate::data::numbers::Number;
use crate::data::{Found, Scale, Taken};

/// What is assumed of other programs' models.
pub const FOREIGN: &str =
    "taken as sigmoid to sigmoid without preprocessing; --activation, --output and --normalize say otherwise";

/// Prints the line about DATA, and a warning where its shape can be read in two ways; a model of so many `visible` units
/// decides between them.
pub fn tell(taken: &Taken, scale: Scale, visible: Option<usize>) {
    tracing::info!("{}", taken.line(scale));
    if scale == Scale::Pixels {
        tell_of_010(taken, scale);
    }
    let fits = matches!(taken.found, Found::Rows { cols, .. } if Some(cols) == visible);
    if let Some(doubt) = taken.doubt.as_ref().filter(|_| !fits) {
        tracing::warn!("{doubt}");
    }
}

/// Says so where bytes of rows have the scale of version 0.1.0.
pub fn tell_of_010(taken: &Taken, scale: Scale) {
    if !taken.pixels && taken.number == Some(Number::U8) && scale.divisor(Number::U8) != 1.0 {
        tracing::info!(
            "bytes are divided by {}, as version 0.1.0 did, of which these settings or this model are; \
             --divide 1 takes them as they are",
            scale.divisor(Number::U8)
        );
    }
}

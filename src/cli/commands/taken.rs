//! What DATA was taken for, told before anything is done with it.

use crate::data::dtype::DType;
use crate::data::{DataContents, DataDescription, Scale};

/// Prints the line about DATA, and a warning where its shape can be read in two ways; a model of so many `visible` units
/// decides between them.
pub fn tell(taken: &DataDescription, scale: Scale, visible: Option<usize>) {
    tracing::info!("{}", taken.line(scale));
    if scale == Scale::Pixels {
        tell_of_010(taken, scale);
    }
    let fits = matches!(taken.contents, DataContents::Rows { cols, .. } if Some(cols) == visible);
    if let Some(doubt) = taken.ambiguity.as_ref().filter(|_| !fits) {
        tracing::warn!("{doubt}");
    }
}

/// Says so where bytes of rows have the scale of version 0.1.0.
pub fn tell_of_010(taken: &DataDescription, scale: Scale) {
    if !taken.pixels && taken.dtype == Some(DType::U8) && scale.divisor(DType::U8) != 1.0 {
        tracing::info!(
            "bytes are divided by {}, as version 0.1.0 did, of which these settings or this model are; \
             --divide 1 takes them as they are",
            scale.divisor(DType::U8)
        );
    }
}

//! The description of opened DATA, told before anything is done with them.

use crate::data::{DType, DataContents, DataDescription, Scale};

/// Assumptions about other programs' models.
pub const FOREIGN: &str =
    "taken as sigmoid to sigmoid without preprocessing; `activation`, `output` and `normalize` say otherwise";

/// Logs the line about DATA, and a warning where their shape can be read in two ways; a model of so many `visible` units
/// decides between them.
pub fn log(data: &DataDescription, scale: Scale, visible: Option<usize>) {
    tracing::info!("{}", data.line(scale));
    if scale == Scale::Pixels {
        log_scale_of_010(data, scale);
    }
    let fits = matches!(data.contents, DataContents::Rows { cols, .. } if Some(cols) == visible);
    if let Some(ambiguity) = data.ambiguity.as_ref().filter(|_| !fits) {
        tracing::warn!("{ambiguity}");
    }
}

/// Says so where bytes of rows have the scale of version 0.1.0.
pub fn log_scale_of_010(data: &DataDescription, scale: Scale) {
    if !data.pixels && data.dtype == Some(DType::U8) && scale.divisor(DType::U8) != 1.0 {
        tracing::info!(
            "bytes are divided by {}, as version 0.1.0 did, of which these settings or this model are; \
             `divide` 1 takes them as they are",
            scale.divisor(DType::U8)
        );
    }
}

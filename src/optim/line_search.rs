//! Line search.

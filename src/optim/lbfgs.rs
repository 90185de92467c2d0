//! L-BFGS.

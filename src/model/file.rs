//! Model file.

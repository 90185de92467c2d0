//! `rhohat web` through the real binary and plain TCP: what is served, what is refused, and how it ends.

mod client;
mod hostile;
mod models;
mod served;

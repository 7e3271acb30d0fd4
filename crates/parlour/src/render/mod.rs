//! From what a person typed to what may be shown.

mod name;

pub use name::plain_name;

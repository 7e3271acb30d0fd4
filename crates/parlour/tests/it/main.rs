//! The one integration binary: a module per boundary. A real server on port 0 or a real store in a temporary directory,
//! clients that are not ours, and no sleeping.

mod backend;
mod crowd;
mod first;
mod leaving;
mod limits;
mod model;
mod server;
mod socket;

//! The assembly: from a configuration to a running server, and back. The only place that names a concrete backend.

pub mod accept;
pub mod files;

//! Several nodes of Parlour on one store.

use std::ops::{Deref, DerefMut};

use crate::server::Server;

/// Running nodes, each a child process; all in demo mode unless other options were given.
pub struct Nodes(Vec<Server>);

impl Nodes {
    /// So many nodes on this store (what `--store` takes).
    pub fn start(count: usize, store: &str) -> Nodes {
        Nodes::with(count, store, &["--demo"], "")
    }

    /// With these options and this configuration file.
    pub fn with(count: usize, store: &str, options: &[&str], file: &str) -> Nodes {
        Nodes((0..count).map(|_| Server::on(store, options, file)).collect())
    }
}

impl Deref for Nodes {
    type Target = Vec<Server>;

    fn deref(&self) -> &Vec<Server> {
        &self.0
    }
}

impl DerefMut for Nodes {
    fn deref_mut(&mut self) -> &mut Vec<Server> {
        &mut self.0
    }
}

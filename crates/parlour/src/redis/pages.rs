//! Pages in Redis: every page is its own home. Threads cannot be moved or merged here yet, and whoever asks is told so.

use async_trait::async_trait;

use super::Ledger;
use crate::backend::Fault;
use crate::backend::pages::{Fold, PageRow, Pages};
use crate::channel::{ChannelName, Key, SiteName};

fn not_here() -> Fault {
    Fault::Unavailable("pages cannot be moved, merged or listed in a Redis store yet".into())
}

#[async_trait]
impl Pages for Ledger {
    async fn homes(&self, keys: &[Key]) -> Result<Vec<Key>, Fault> {
        Ok(keys.to_vec())
    }

    async fn pages(&self, _: &SiteName, _: Option<&ChannelName>, _: usize) -> Result<Vec<PageRow>, Fault> {
        Err(not_here())
    }

    async fn page(&self, _: &Key) -> Result<Option<PageRow>, Fault> {
        Err(not_here())
    }

    async fn fold(&self, _: Fold) -> Result<(), Fault> {
        Err(not_here())
    }

    async fn alias(&self, _: &SiteName, _: &ChannelName, _: &ChannelName) -> Result<(), Fault> {
        Err(not_here())
    }
}

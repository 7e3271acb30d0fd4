//! Which page has which thread, and how that changes: pages move, two become one, and old names go on working.

use async_trait::async_trait;

use super::{Fault, PageNote, Thread};
use crate::channel::{ChannelName, Key, SiteName};

/// A page as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRow {
    /// Its channel.
    pub channel: ChannelName,
    /// What is kept of its thread.
    pub thread: Thread,
    /// Comments that everyone sees.
    pub comments: u64,
}

/// A thread goes into another channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Whose page.
    pub site: SiteName,
    /// Where the thread is; afterwards another name of `into`.
    pub from: ChannelName,
    /// Where it goes; may have a thread of its own, and may have been another name of `from`.
    pub into: ChannelName,
    /// What is remembered of the page at `into` from then on; `None` leaves what is known there.
    pub page: Option<PageNote>,
}

/// The pages of each site.
///
/// Rules: a channel whose name begins with `page:` is a thread's home or another name of one, never both, and names lead to
/// their home in one step. `Log` refuses another name with [`Fault::Moved`], so whoever asked before it became one learns
/// where to ask. What was answered survives the process like comments do.
#[async_trait]
pub trait Pages: Send + Sync {
    /// For each channel the home of its thread: itself unless it is another name.
    async fn homes(&self, keys: &[Key]) -> Result<Vec<Key>, Fault>;

    /// The site's pages whose address is known, in the order of their channels' names, after this one; at most `limit`.
    async fn pages(&self, site: &SiteName, after: Option<&ChannelName>, limit: usize) -> Result<Vec<PageRow>, Fault>;

    /// One page, home or not; `None` where there is no thread.
    async fn page(&self, key: &Key) -> Result<Option<PageRow>, Fault>;

    /// Makes `from` another name of `into` and moves all that was there: comments with their answers, reactions and states,
    /// counts, what is kept of the log. Other names of `from` become names of `into`. Where `into` has a thread its own
    /// address, title and state stay. The epoch changes: no position in either channel is good any more, and both are told
    /// [`super::Delivery::Reset`]. Doing it again does nothing, and what was interrupted is finished by doing it again.
    async fn fold(&self, fold: Fold) -> Result<(), Fault>;

    /// Makes a name without a thread another name of a home.
    ///
    /// # Errors
    /// [`Fault::PageTaken`] where comments hang on the name: fold it instead.
    async fn alias(&self, site: &SiteName, name: &ChannelName, home: &ChannelName) -> Result<(), Fault>;
}

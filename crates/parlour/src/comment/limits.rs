//! How much of everything: the limits of CONTRACT §3, each an option, with its default.

use crate::page::PageLimits;

/// Every limit that a site's rules may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A comment's body after trimming, in characters.
    pub body_chars_max: usize,
    /// The same in a chat.
    pub chat_chars_max: usize,
    /// A name after cleaning, in characters; 0 to forbid names.
    pub name_chars_max: usize,
    /// Addresses and titles of pages.
    pub page: PageLimits,
    /// How long an author may edit, in milliseconds; deleting is always theirs.
    pub edit_ms: i64,
    /// How long after its first comment a page's thread closes by itself, in milliseconds; 0 for never.
    pub close_after_ms: i64,
    /// How many comments may stand above one another as stored.
    pub depth_max: u32,
    /// A request's body, in bytes.
    pub request_bytes_max: usize,
    /// A batch's body, in bytes.
    pub batch_bytes_max: usize,
    /// A WebSocket message, in bytes.
    pub message_bytes_max: usize,
    /// A publication's data, in bytes.
    pub publication_bytes_max: usize,
    /// Posts that a member may make at once.
    pub member_posts_burst: u32,
    /// After these, one in so many milliseconds.
    pub member_post_every_ms: u64,
    /// Posts that may come from an address at once.
    pub address_posts_burst: u32,
    /// After these, one in so many milliseconds.
    pub address_post_every_ms: u64,
    /// Reactions that may come from an address at once.
    pub address_reactions_burst: u32,
    /// After these, one in so many milliseconds.
    pub address_reaction_every_ms: u64,
    /// Reactions of guests of one address that count on a comment.
    pub address_reactions_max: u32,
    /// New pages that an address may make in an hour.
    pub address_pages_per_hour: u32,
    /// New pages that a site may get in a day.
    pub site_pages_per_day: u32,
    /// Publications that a channel keeps.
    pub keep_events_max: u64,
    /// How long it keeps them, in milliseconds.
    pub keep_for_ms: i64,
    /// How long after it was withdrawn text may still lie in the store, in milliseconds.
    pub purge_ms: i64,
    /// Channels that one session may subscribe to.
    pub subscriptions_max: usize,
    /// Publications that one recovery may bring.
    pub recovery_entries_max: usize,
    /// What they may weigh, in bytes.
    pub recovery_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: usize = 1024;
        const MINUTE_MS: i64 = 60_000;
        Self {
            body_chars_max: 10_000,
            chat_chars_max: 1_000,
            name_chars_max: 60,
            page: PageLimits::default(),
            edit_ms: 15 * MINUTE_MS,
            close_after_ms: 0,
            depth_max: 100,
            request_bytes_max: 64 * KIB,
            batch_bytes_max: 4 * KIB * KIB,
            message_bytes_max: 64 * KIB,
            publication_bytes_max: 64 * KIB,
            member_posts_burst: 5,
            member_post_every_ms: 10_000,
            address_posts_burst: 20,
            address_post_every_ms: 3_000,
            address_reactions_burst: 60,
            address_reaction_every_ms: 1_000,
            address_reactions_max: 3,
            address_pages_per_hour: 20,
            site_pages_per_day: 500,
            keep_events_max: 10_000,
            keep_for_ms: 7 * 24 * 60 * MINUTE_MS,
            purge_ms: 30 * 24 * 60 * MINUTE_MS,
            subscriptions_max: 128,
            recovery_entries_max: 1_000,
            recovery_bytes_max: KIB * KIB,
        }
    }
}

impl Limits {
    /// Whether an author may still edit what was made at `created_ms`: up to the last millisecond of the window, not at its end.
    #[must_use]
    pub fn may_edit(&self, created_ms: i64, now_ms: i64) -> bool {
        now_ms < created_ms.saturating_add(self.edit_ms)
    }

    /// Whether a thread that began at `made_ms` has closed by its age; one that has no comment yet has not.
    #[must_use]
    pub fn has_aged_out(&self, made_ms: i64, now_ms: i64) -> bool {
        self.close_after_ms > 0 && made_ms > 0 && now_ms >= made_ms.saturating_add(self.close_after_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_in_the_last_second_passes_and_one_at_the_end_does_not() {
        let limits = Limits::default();
        let end_ms = 1_000 + 15 * 60_000;
        assert!(limits.may_edit(1_000, 1_000) && limits.may_edit(1_000, end_ms - 1_000) && limits.may_edit(1_000, end_ms - 1));
        assert!(!limits.may_edit(1_000, end_ms) && !limits.may_edit(1_000, end_ms + 1_000));
        assert!(!Limits { edit_ms: 0, ..limits }.may_edit(1_000, 1_000));
    }

    #[test]
    fn a_thread_ages_out_only_where_an_age_was_chosen() {
        let limits = Limits { close_after_ms: 500, ..Limits::default() };
        assert!(!limits.has_aged_out(1_000, 1_499) && limits.has_aged_out(1_000, 1_500));
        assert!(!limits.has_aged_out(0, 1 << 40) && !Limits::default().has_aged_out(1, 1 << 40));
    }
}

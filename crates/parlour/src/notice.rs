//! Letters to a site's owners: what waits for a moderator, gathered, at most one letter in the time that the site chose. Of several
//! nodes one writes it. Each comment has a link to a page of ours (`signin::held`), which does nothing until a button is pressed.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backend::desk::{Filing, Search};
use crate::backend::{After, Before, Fault, Swap};
use crate::channel::{Key, SiteName};
use crate::comment::{CommentId, State};
use crate::identity::{InstallSecret, seal};
use crate::mail::{Letter, Mailbag};
use crate::node::{Node, notice_record};
use crate::render::plain_name;
use crate::rule::{Rules, SiteRules};

/// How often it is looked whether a letter is due.
const EVERY: Duration = Duration::from_secs(1);
/// Comments of one letter; of the others their number.
const COMMENTS_MAX: usize = 20;
/// Characters of a comment that a letter quotes.
const QUOTED_CHARS_MAX: usize = 300;
/// How long a letter's links are good, in seconds.
const LINK_S: i64 = 7 * 86_400;
/// A letter that could not be sent by then is of no use, in milliseconds.
const USELESS_MS: i64 = 86_400_000;

/// What a link of a letter says, sealed.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The comment's site.
    pub site: SiteName,
    /// The comment.
    pub id: CommentId,
    /// Whom the letter was for.
    pub to: String,
}

/// What a ticket is sealed for.
pub const TICKET: &str = "held";

/// Writes letters as long as there is the node.
pub async fn work(node: Weak<Node>, mailbag: Mailbag, secret: [u8; 32]) {
    let secret = InstallSecret::from_bytes(secret);
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let Some(node) = node.upgrade() else { return };
        let rules = node.book.now();
        for (site, site_rules) in rules.sites.iter().filter(|(_, rules)| !rules.notify.is_empty()) {
            if let Err(fault) = write(&node, &mailbag, &secret, &rules, site, site_rules).await {
                tracing::warn!(%site, %fault, "the letter about what waits could not be written");
            }
        }
    }
}

/// Writes to a site's owners if that is due.
async fn write(
    node: &Node,
    mailbag: &Mailbag,
    secret: &InstallSecret,
    rules: &Rules,
    site: &SiteName,
    site_rules: &Arc<SiteRules>,
) -> Result<(), Fault> {
    let (name, now_ms) = (notice_record(site), node.clock.now_ms());
    let shelf = &node.backend().shelf;
    let Some(record) = shelf.record(&name, now_ms).await? else { return Ok(()) };
    let Ok(due_ms) = record.parse::<i64>() else { return Ok(()) };
    // A record that is less than nothing says when the last letter was written, and that nothing came since.
    if due_ms < 0 || due_ms > now_ms {
        return Ok(());
    }
    let search = Search { state: Some(State::Pending), limit: COMMENTS_MAX, ..Search::default() };
    let found = node.backend().desk.search(site, search).await?;
    let written = Swap { name, before: Before::This(record), after: After::Kept((-now_ms).to_string()) };
    if !shelf.swap(vec![written], now_ms).await? || found.filings.is_empty() {
        return Ok(());
    }
    for to in &site_rules.notify {
        let link = |id: &CommentId| {
            let ticket = Ticket { site: site.clone(), id: id.clone(), to: to.clone() };
            let sealed = seal(secret, TICKET, &ticket, now_ms / 1_000 + LINK_S);
            format!("{}/auth/held#{sealed}", rules.public_url.as_deref().unwrap_or_default())
        };
        let mut text = format!("{} wait for a moderator on {site}.\n\n", count(found.waiting));
        for filing in &found.filings {
            text.push_str(&entry(node, site, filing, &link(&filing.comment.id)).await?);
        }
        let admin = rules.public_url.as_deref().unwrap_or_default();
        text.push_str(&format!("All that waits: {admin}/admin\n"));
        let subject = format!("{} on {site}", count(found.waiting));
        let about = found.filings.iter().map(|filing| filing.comment.id.clone()).collect();
        if !mailbag.post(Letter { to: to.clone(), subject, text, about }, now_ms + USELESS_MS, now_ms).await? {
            tracing::warn!(%site, "the mailbag is full: nobody is told what waits");
        }
    }
    Ok(())
}

fn count(waiting: u64) -> String {
    if waiting == 1 { "1 comment".to_owned() } else { format!("{waiting} comments") }
}

/// One comment: who, where, why, its beginning in one line, and the link.
async fn entry(node: &Node, site: &SiteName, filing: &Filing, link: &str) -> Result<String, Fault> {
    let key = Key::new(site.clone(), filing.comment.channel.clone());
    let thread = node.backend().store.thread(&key).await?.unwrap_or_default();
    let page = if thread.url.is_empty() { key.channel.to_string() } else { thread.url };
    let author = filing.comment.author.as_ref().map(|author| author.name.as_str()).filter(|name| !name.is_empty());
    let reason = filing.reason.map_or("", |reason| reason.word());
    Ok(format!("{} on {page} ({reason}):\n> {}\n{link}\n\n", author.unwrap_or("A guest"), quoted(&filing.comment.body)))
}

/// The beginning of what a stranger wrote, in one line, and no address that a mail program makes a link of.
fn quoted(body: &str) -> String {
    let line = plain_name(body);
    let mut quoted: String = line.chars().take(QUOTED_CHARS_MAX).collect();
    if quoted.len() < line.len() {
        quoted.push('…');
    }
    quoted.replace("://", ": //").replace("www.", "www .").replace('@', " (at) ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_one_line_without_links() {
        let text = quoted("buy\r\n\r\nhttps://spam.example now\u{202e} a@b.example");
        assert!(!text.contains(['\n', '\r', '\u{202e}', '@']) && !text.contains("://"), "{text}");
        assert_eq!(quoted(&"x".repeat(1_000)).chars().count(), QUOTED_CHARS_MAX + 1);
    }
}

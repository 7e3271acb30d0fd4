//! Akismet: whether a comment is spam, as <https://akismet.com/developers/detailed-docs/comment-check/> describes the question. Asked
//! through `outbound`, with a limit on the wait; whoever cannot be asked has no opinion.

use std::net::IpAddr;

use url::{Url, form_urlencoded};

use crate::outbound::{Ask, Client, Fault};
use crate::rule::AkismetRules;

/// Of the answer only a word is read.
const ANSWER_BYTES_MAX: usize = 1_024;

/// What Akismet is told.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Where the author writes from; IPv6 by its /64.
    pub address: IpAddr,
    /// The page that they write on.
    pub page: &'a str,
    /// The author's name.
    pub name: &'a str,
    /// What they wrote.
    pub body: &'a str,
    /// Whether it answers another comment.
    pub is_reply: bool,
    /// Whether it was shown before and is edited.
    pub is_edit: bool,
}

/// Why there is no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AkismetFault {
    /// It could not be asked.
    #[error("{0}")]
    Outbound(#[from] Fault),
    /// Neither yes nor no: the key is not one of the site's, or the service is unwell.
    #[error("the answer is neither yes nor no (is the key one of the site's?)")]
    Unclear,
}

/// Whether it is spam.
///
/// # Errors
/// [`AkismetFault`].
pub async fn is_spam(client: &Client, rules: &AkismetRules, question: &Question<'_>) -> Result<bool, AkismetFault> {
    let url = Url::parse(&format!("{}/1.1/comment-check", rules.url)).map_err(|_| Fault::AddressInvalid)?;
    let ask = Ask::post(url, "application/x-www-form-urlencoded; charset=utf-8", form(rules, question));
    let answer = client.send(ask.within(rules.wait).answer_bytes(ANSWER_BYTES_MAX).cut()).await?;
    match &*answer.body {
        b"true" if answer.status.is_success() => Ok(true),
        b"false" if answer.status.is_success() => Ok(false),
        _ => Err(AkismetFault::Unclear),
    }
}

fn form(rules: &AkismetRules, question: &Question<'_>) -> String {
    let page = Url::parse(question.page).ok();
    let blog = page.map(|page| page.origin().ascii_serialization()).unwrap_or_default();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("api_key", rules.key.reveal())
        .append_pair("blog", &blog)
        .append_pair("user_ip", &question.address.to_string())
        .append_pair("permalink", question.page)
        .append_pair("comment_type", if question.is_reply { "reply" } else { "comment" })
        .append_pair("comment_author", question.name)
        .append_pair("comment_content", question.body)
        .append_pair("blog_charset", "UTF-8");
    if question.is_edit {
        form.append_pair("recheck_reason", "edit");
    }
    form.finish()
}

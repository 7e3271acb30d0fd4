//! Which page has which thread, changed by those who may: what a request would do is planned as steps, and a run does exactly
//! these steps, so that a dry run says what a run does.

use parlour_wire::code::Code;
use serde::{Deserialize, Serialize};
use url::Url;

use super::comments::refused;
use super::{Asker, Node, told};
use crate::backend::pages::{Fold, PageRow};
use crate::backend::{Append, PageNote};
use crate::channel::{ChannelName, Key};
use crate::page::{Origin, channel_of};
use crate::rule::SiteRules;

/// Pages that one request may change.
const STEPS_MAX: usize = 10_000;
/// Pages read from the store at once.
const LISTED: usize = 1_000;

/// What is asked.
#[derive(Clone, Debug, Deserialize)]
pub struct Change {
    /// What is to be done.
    pub action: Action,
    /// Which pages: an address, a path, `id:ID`, a channel, or all below a path with `/*` at the end.
    pub from: String,
    /// Where they go, in the same words.
    #[serde(default)]
    pub to: Option<String>,
    /// Says what would be done, and does nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The thread is at another address from now on.
    Move,
    /// Two threads become one.
    Merge,
    /// An address is another name of a page.
    Alias,
    /// No posts, no reactions.
    Close,
    /// The contrary.
    Open,
}

/// Why a change was refused.
pub struct Refused {
    /// As a code.
    pub code: Code,
    /// In words.
    pub why: String,
}

impl From<Code> for Refused {
    fn from(code: Code) -> Refused {
        Refused { code, why: code.text().to_owned() }
    }
}

/// One thing that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// `move`, `merge`, `alias`, `readdress`, `close`, `open`.
    pub act: &'static str,
    /// The page as it was.
    pub from: Place,
    /// Where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Place>,
    /// Comments that everyone sees in it.
    pub comments: u64,
    #[serde(skip)]
    title: String,
}

/// A page in a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its channel.
    pub channel: ChannelName,
    /// Its address, where it is known.
    pub url: String,
}

fn bad(why: impl Into<String>) -> Refused {
    Refused { code: Code::BadRequest, why: why.into() }
}

impl Node {
    /// Plans a change and, unless it is a dry run, makes it: the steps.
    pub async fn change_pages(&self, asker: &Asker, change: &Change) -> Result<Vec<Step>, Refused> {
        if !asker.who.is_admin() {
            return Err(refused(asker).into());
        }
        let rules = self.site_rules(&asker.site)?;
        let steps = self.plan(asker, &rules, change).await?;
        if !change.dry_run {
            rules.writable()?;
            for step in &steps {
                self.take_step(asker, step).await?;
            }
        }
        Ok(steps)
    }

    async fn plan(&self, asker: &Asker, rules: &SiteRules, change: &Change) -> Result<Vec<Step>, Refused> {
        let from = change.from.trim();
        if change.action == Action::Alias {
            return self.plan_alias(asker, rules, from, named(change)?).await;
        }
        let rows = self.pages_named(asker, rules, from).await?;
        if rows.is_empty() && !from.ends_with("/*") {
            return Err(Code::UnknownPage.into());
        }
        let mut steps = Vec::new();
        match change.action {
            Action::Close | Action::Open => {
                let closed = change.action == Action::Close;
                let act = if closed { "close" } else { "open" };
                steps.extend(rows.into_iter().filter(|row| row.thread.closed != closed).map(|row| step(act, row, None)));
            }
            Action::Merge => {
                let into = self.page_named(asker, rules, named(change)?).await?;
                if rows.iter().any(|row| row.channel == into.channel) {
                    return Err(bad("a page cannot be merged with itself"));
                }
                steps.extend(rows.into_iter().map(|row| step("merge", row, Some(place(&into)))));
            }
            Action::Move | Action::Alias => {
                let to = named(change)?;
                if from.ends_with("/*") != to.ends_with("/*") {
                    return Err(bad("both or neither of `from` and `to` end in /*"));
                }
                for row in rows {
                    steps.extend(self.plan_move(asker, rules, row, from, to).await?);
                }
                let is_source = |place: &Place| steps.iter().any(|step| step.from.channel == place.channel);
                if steps.iter().any(|step| step.act != "readdress" && step.to.as_ref().is_some_and(is_source)) {
                    return Err(bad("a page would go where another one of these pages is: move that one first"));
                }
            }
        }
        Ok(steps)
    }

    async fn plan_alias(&self, asker: &Asker, rules: &SiteRules, name: &str, to: &str) -> Result<Vec<Step>, Refused> {
        let home = self.page_named(asker, rules, to).await?;
        let channel = match channel_named(name, rules)? {
            Some(channel) => channel,
            None => url_channel(&below(&home.thread.url, name)?, rules)?,
        };
        let key = Key::new(asker.site.clone(), channel.clone());
        let known = self.home(&key).await?;
        if known.channel == home.channel {
            return Ok(Vec::new());
        }
        if self.backend.pages.page(&key).await.map_err(told)?.is_some_and(|row| row.channel == channel && row.comments > 0) {
            return Err(Code::PageTaken.into());
        }
        let to = Some(place(&home));
        let from = Place { channel, url: name.to_owned() };
        Ok(vec![Step { act: "alias", from, to, comments: 0, title: String::new() }])
    }

    async fn plan_move(
        &self,
        asker: &Asker,
        rules: &SiteRules,
        row: PageRow,
        from: &str,
        to: &str,
    ) -> Result<Option<Step>, Refused> {
        let named = if to.ends_with("/*") { None } else { channel_named(to, rules)? };
        let url = match (&named, to.strip_suffix('*')) {
            (Some(_), _) if !to.contains("://") => row.thread.url.clone(),
            (_, Some(to)) => replaced(&row.thread.url, from.trim_end_matches('*'), to)?,
            (_, None) => below(&row.thread.url, to)?.into(),
        };
        let origin = Url::parse(&url).ok().as_ref().and_then(Origin::of).ok_or(Code::PageInvalid)?;
        if !rules.allows_origin(&origin.to_string()) {
            return Err(Code::PageForeign.into());
        }
        let keyed_by = url_channel(&parsed(&row.thread.url)?, rules)?;
        let target = match named {
            Some(channel) if !to.contains("://") => channel,
            // A page that its author named goes on bearing that name.
            _ if keyed_by != row.channel => row.channel.clone(),
            _ => url_channel(&parsed(&url)?, rules)?,
        };
        if target == row.channel {
            let is_same = row.thread.url == url;
            let to = Place { channel: target, url };
            return Ok((!is_same).then(|| step("readdress", row, Some(to))));
        }
        let there = self.backend.pages.page(&Key::new(asker.site.clone(), target.clone())).await.map_err(told)?;
        Ok(Some(match there.filter(|there| there.channel != row.channel) {
            Some(there) => step("merge", row, Some(place(&there))),
            None => step("move", row, Some(Place { channel: target, url })),
        }))
    }

    async fn take_step(&self, asker: &Asker, step: &Step) -> Result<(), Refused> {
        let time_ms = self.clock.now_ms();
        let key = Key::new(asker.site.clone(), step.from.channel.clone());
        let fold = |into: &Place, page: Option<PageNote>| Fold {
            site: asker.site.clone(),
            from: step.from.channel.clone(),
            into: into.channel.clone(),
            page,
        };
        let done = match (step.act, &step.to) {
            ("move", Some(to)) => {
                let page = PageNote { url: to.url.clone(), title: step.title.clone() };
                self.backend.pages.fold(fold(to, Some(page))).await
            }
            ("merge", Some(to)) => self.backend.pages.fold(fold(to, None)).await,
            ("alias", Some(to)) => self.backend.pages.alias(&asker.site, &step.from.channel, &to.channel).await,
            ("readdress", Some(to)) => {
                let page = PageNote { url: to.url.clone(), title: step.title.clone() };
                self.backend.log.append(&key, Append::Page { page, verified: true, time_ms }).await.map(drop)
            }
            (act, _) => {
                let closed = Some(act == "close");
                self.backend.log.append(&key, Append::Thread { closed, title: None, time_ms }).await.map(drop)
            }
        };
        Ok(done.map_err(told)?)
    }

    /// The one page of this name.
    async fn page_named(&self, asker: &Asker, rules: &SiteRules, name: &str) -> Result<PageRow, Refused> {
        let mut rows = self.pages_named(asker, rules, name).await?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            (Some(_), false) => Err(bad(format!("`{name}` names several pages: give the whole address"))),
            (None, _) => Err(Code::UnknownPage.into()),
        }
    }

    /// The pages that a text names, in the order of their channels.
    async fn pages_named(&self, asker: &Asker, rules: &SiteRules, name: &str) -> Result<Vec<PageRow>, Refused> {
        if name.contains('*') && !name.ends_with("/*") {
            return Err(bad(format!("`{name}`: a * stands at the end, after a /")));
        }
        if let (false, Some(channel)) = (name.ends_with('*'), channel_named(name, rules)?) {
            let row = self.backend.pages.page(&Key::new(asker.site.clone(), channel)).await.map_err(told)?;
            return Ok(row.filter(|row| !row.thread.url.is_empty()).into_iter().collect());
        }
        let mut found = Vec::new();
        let mut after: Option<ChannelName> = None;
        loop {
            let rows = self.backend.pages.pages(&asker.site, after.as_ref(), LISTED).await.map_err(told)?;
            let is_last = rows.len() < LISTED;
            after = rows.last().map(|row| row.channel.clone());
            found.extend(rows.into_iter().filter(|row| is_named(name, &row.thread.url)));
            if found.len() > STEPS_MAX {
                return Err(bad(format!("more than {STEPS_MAX} pages: name fewer")));
            }
            if is_last {
                return Ok(found);
            }
        }
    }
}

fn named(change: &Change) -> Result<&str, Refused> {
    change.to.as_deref().map(str::trim).filter(|to| !to.is_empty()).ok_or_else(|| bad("`to` is needed"))
}

fn place(row: &PageRow) -> Place {
    Place { channel: row.channel.clone(), url: row.thread.url.clone() }
}

fn step(act: &'static str, row: PageRow, to: Option<Place>) -> Step {
    Step { act, from: place(&row), to, comments: row.comments, title: row.thread.title }
}

/// The channel of a text that names one by itself; `None` for a path.
fn channel_named(name: &str, rules: &SiteRules) -> Result<Option<ChannelName>, Refused> {
    if name.starts_with('/') {
        return Ok(None);
    }
    if let Some(id) = name.strip_prefix("id:") {
        return channel_of(None, Some(id), &rules.limits.page).map(Some).map_err(|fault| invalid(&fault));
    }
    if name.starts_with("page:") {
        return ChannelName::parse(name).map(Some).map_err(|_| Code::InvalidChannel.into());
    }
    channel_of(Some(name), None, &rules.limits.page).map(Some).map_err(|fault| invalid(&fault))
}

fn invalid(fault: &crate::page::PageFault) -> Refused {
    Refused { code: Code::PageInvalid, why: fault.to_string() }
}

fn url_channel(url: &Url, rules: &SiteRules) -> Result<ChannelName, Refused> {
    channel_of(Some(url.as_str()), None, &rules.limits.page).map_err(|fault| invalid(&fault))
}

fn parsed(url: &str) -> Result<Url, Refused> {
    Url::parse(url).map_err(|_| Code::PageInvalid.into())
}

/// A path or an address, of the origin of this page.
fn below(page: &str, to: &str) -> Result<Url, Refused> {
    parsed(page)?.join(to).map_err(|_| Code::PageInvalid.into())
}

/// Whether a path or pattern names the page at this address.
fn is_named(name: &str, url: &str) -> bool {
    let Ok(page) = Url::parse(url) else { return false };
    let path = &page[url::Position::BeforePath..url::Position::AfterQuery];
    let text = if name.starts_with('/') { path } else { page.as_str() };
    match name.strip_suffix('*') {
        Some(prefix) => text.starts_with(prefix),
        None => text == name || text.trim_end_matches('/') == name.trim_end_matches('/'),
    }
}

/// The address with what it begins with replaced: paths by paths of the same origin, addresses by addresses.
fn replaced(url: &str, from: &str, to: &str) -> Result<String, Refused> {
    let page = parsed(url)?;
    let (origin, path) = (&page[..url::Position::BeforePath], &page[url::Position::BeforePath..]);
    let rest = if from.starts_with('/') { path } else { page.as_str() }.strip_prefix(from).ok_or(Code::PageInvalid)?;
    Ok(if to.starts_with('/') { format!("{origin}{to}{rest}") } else { format!("{to}{rest}") })
}

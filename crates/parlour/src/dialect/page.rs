//! `message`: a comments page. A comment comes as `{Author, Body, PageUrl}` or its JSON text; those on the page hear each as JSON
//! text in `message`, and the newest ten when they get there. Comments are the same as everywhere: other doors see them too.

use async_trait::async_trait;
use parlour_wire::code::Code;
use parlour_wire::engineio::Version;
use parlour_wire::push::Kind;
use parlour_wire::socketio::{self, Event};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::backend::Query;
use crate::channel::Key;
use crate::comment::{Comment, Draft, DraftAuthor};
use crate::outbox::Hearing;
use crate::outbox::resume::Had;
use crate::page::{Page, channel_of};
use crate::ring::{Audience, Tongue};
use crate::session::{Listening, Session};
use crate::transport::socketio::dialect::{Dialect, Origin};

const NAME: &str = "message";
/// Comments of `initial`.
const INITIAL: usize = 10;

static TONGUE: Tongue = Tongue {
    index: 4,
    open: |version, event, place| {
        if event.kind != Kind::CommentCreated {
            return None;
        }
        let comment: Comment = serde_json::from_str(&event.data).ok()?;
        let text = serde_json::to_string(&Said { event: "comment", data: Told::of(&comment, place.page_url) }).ok()?;
        Some(socketio::event_open(version, NAME, [serde_json::to_string(&text).ok()?.as_str()]))
    },
};

const LISTENING: Listening = Listening { hearing: Hearing { audience: Audience::EVERYONE, tongue: &TONGUE }, counted: true };

/// What the page says.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Posted {
    #[serde(default)]
    author: String,
    body: String,
    page_url: String,
}

/// What the page hears.
#[derive(Serialize)]
struct Said<T> {
    event: &'static str,
    data: T,
}

/// A comment as it hears it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    id: String,
    author: String,
    body: String,
    created_at: i64,
    page_url: String,
}

impl Told {
    fn of(comment: &Comment, page_url: &str) -> Told {
        Told {
            id: comment.id.as_str().to_owned(),
            author: comment.author.as_ref().map(|author| author.name.clone()).unwrap_or_default(),
            body: comment.body.clone(),
            created_at: comment.created.0 / 1000,
            page_url: page_url.to_owned(),
        }
    }
}

/// As one client speaks it.
pub struct CommentsPage {
    version: Version,
    /// The page that the handshake named.
    named: Option<Url>,
    /// Against which a relative address is read.
    base: Option<Url>,
}

impl CommentsPage {
    /// For a client of this origin.
    pub fn new(origin: Origin, public_url: Option<&str>) -> CommentsPage {
        let own = match (public_url, &origin.host) {
            (Some(url), _) => Url::parse(url).ok(),
            (None, Some(host)) => Url::parse(&format!("http://{host}/")).ok(),
            (None, None) => None,
        };
        let base = origin.origin.as_deref().and_then(|origin| Url::parse(origin).ok()).or_else(|| own.clone());
        let is_own = |url: &Url| own.as_ref().is_some_and(|own| own.origin() == url.origin());
        let referer = origin.referer.as_deref().and_then(|referer| Url::parse(referer).ok()).filter(is_own);
        let named = origin.page.as_deref().and_then(|page| absolute(base.as_ref(), page)).or(referer);
        CommentsPage { version: origin.version, named, base }
    }

    /// The session is on this page from now on, and hears what is there.
    async fn go(&self, session: &mut Session, url: &Url) -> Result<(), Code> {
        let key = key(session, url)?;
        session.listen(&key, LISTENING).await?;
        let query = Query { limit: INITIAL, ..Query::default() };
        let page = session.node().comments(session.asker()?, &key, query).await?;
        let address = page.thread.map(|thread| thread.url).filter(|url| !url.is_empty()).unwrap_or_else(|| url.to_string());
        let shown = page.comments.iter().filter(|comment| comment.author.is_some());
        let said = Said { event: "initial", data: shown.map(|comment| Told::of(comment, &address)).collect::<Vec<_>>() };
        let text = serde_json::to_string(&said).and_then(|text| serde_json::to_string(&text)).map_err(|_| Code::Internal)?;
        session.tell(&socketio::event_open(self.version, NAME, [text.as_str()]))
    }
}

fn absolute(base: Option<&Url>, text: &str) -> Option<Url> {
    Url::options().base_url(base).parse(text).ok()
}

fn key(session: &Session, url: &Url) -> Result<Key, Code> {
    let asker = session.asker()?;
    let rules = session.node().site_rules(&asker.site)?;
    let channel = channel_of(Some(url.as_str()), None, &rules.limits.page).map_err(|_| Code::PageInvalid)?;
    Ok(Key::new(asker.site.clone(), channel))
}

#[async_trait]
impl Dialect for CommentsPage {
    fn knows(&self, name: &str) -> bool {
        name == NAME
    }

    fn hearing(&self, had: &Had) -> Option<Listening> {
        (had.tongue == TONGUE.index).then_some(LISTENING)
    }

    async fn begin(&mut self, session: &mut Session, _recovered: bool) -> Result<(), Code> {
        match &self.named {
            Some(url) if session.heard_in(TONGUE.index).is_none() => self.go(session, url).await,
            _ => Ok(()),
        }
    }

    async fn hear(&mut self, session: &mut Session, event: &Event) -> Result<(), Code> {
        let [said] = event.arguments.as_slice() else { return Err(Code::BadRequest) };
        let posted: Posted = match said.get().starts_with('"') {
            true => serde_json::from_str::<String>(said.get()).and_then(|text| serde_json::from_str(&text)),
            false => serde_json::from_str(said.get()),
        }
        .map_err(|_| Code::BadRequest)?;
        let url = absolute(self.base.as_ref(), &posted.page_url).ok_or(Code::PageInvalid)?;
        if session.heard_in(TONGUE.index).is_none() {
            self.go(session, &url).await?;
        }
        let author = DraftAuthor { name: posted.author, email_hash: None };
        let draft = Draft { body: posted.body, author: Some(author), ..Draft::default() };
        let page = Page { url: url.to_string(), id: None, title: None };
        session.node().post(session.asker()?, &key(session, &url)?, draft, Some(page)).await.map(|_| ())
    }
}

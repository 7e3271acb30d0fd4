//! What a letter about a waiting comment leads to: a page of ours that shows it, with a button for each decision. Opening the link does
//! nothing, whoever opens it; the ticket stands behind `#` and goes into the forms.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::SignIn;
use super::form::fields;
use super::page::{button, escaped, page, refusal};
use super::window::failed;
use crate::comment::{self, CommentId, Role};
use crate::identity::{Member, MemberId, Token, Who, unseal};
use crate::node::{Asker, Order};
use crate::notice::{TICKET, Ticket};

/// Where the forms go.
const HELD: &str = "/auth/held";

/// `GET /auth/held`: the same for everyone.
pub(super) async fn open() -> Response {
    let form = "<form method=\"post\" action=\"/auth/held\"><input type=\"hidden\" id=\"ticket\" name=\"ticket\">\
                <button class=\"first\">Show the comment</button></form>";
    page(StatusCode::OK, "A comment waits", form, &[("act", "ticket")], None)
}

/// `POST /auth/held`: with a ticket alone the comment, with an `act` its decision.
pub(super) async fn decide(State(sign_in): State<SignIn>, headers: HeaderMap, body: Body) -> Response {
    let Some(form) = fields(&sign_in, &headers, body).await else { return too_old() };
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let ticket: Option<Ticket> = unseal(&sign_in.secret, TICKET, field("ticket"), sign_in.now_s());
    let Some((ticket, asker)) = ticket.and_then(|ticket| asker(&sign_in, &ticket).map(|asker| (ticket, asker))) else {
        return too_old();
    };
    let ids = || vec![ticket.id.clone()];
    let order = match field("act") {
        "approve" => Some(Order::Approve { ids: ids() }),
        "reject" => Some(Order::Reject { ids: ids() }),
        "spam" => Some(Order::Spam { ids: ids() }),
        _ => None,
    };
    if let Some(order) = order
        && let Err(code) = sign_in.node.order(&asker, order).await
    {
        return failed(code);
    }
    show(&sign_in, &asker, &ticket.id, field("ticket")).await
}

/// The comment as it is, and what can be done.
async fn show(sign_in: &SignIn, asker: &Asker, id: &CommentId, ticket: &str) -> Response {
    let filing = match sign_in.node.filing(asker, id).await {
        Ok(filing) => filing,
        Err(code) => return failed(code),
    };
    let comment = filing.comment;
    let author = comment.author.map(|author| author.name).filter(|name| !name.is_empty());
    let state = match comment.state {
        comment::State::Approved => "It is shown.",
        comment::State::Pending => "It waits.",
        comment::State::Spam => "It was taken for spam.",
        comment::State::Shadow => "Its author alone sees it.",
        comment::State::Rejected | comment::State::Deleted => "It is gone.",
    };
    let mut html = format!(
        "<p><strong>{}</strong> in {}</p><blockquote>{}</blockquote><p id=\"state\">{state}</p>",
        escaped(author.as_deref().unwrap_or("A guest")),
        escaped(comment.channel.as_str()),
        escaped(&comment.body).replace('\n', "<br>"),
    );
    if comment.state != comment::State::Deleted {
        for (act, text, class) in [("approve", "Approve", "first"), ("reject", "Reject", ""), ("spam", "Spam", "")] {
            html.push_str(&button(HELD, &[("ticket", ticket), ("act", act)], text, class));
        }
        html.push_str("<p>Everything can be taken back at <a href=\"/admin\">the moderators' page</a>.</p>");
    }
    page(StatusCode::OK, "A comment waits", &html, &[], None)
}

/// Whom a letter was for decides as a moderator of that site, as long as the site names them.
fn asker(sign_in: &SignIn, ticket: &Ticket) -> Option<Asker> {
    let rules = sign_in.rules();
    rules.site(&ticket.site)?.notify.iter().find(|address| **address == ticket.to)?;
    let id = MemberId::parse(&format!("mail {}", ticket.to)).ok()?;
    let token = Token {
        member: Member { id, name: String::new(), role: Some(Role::Moderator), verified: true },
        site: ticket.site.clone(),
        named: None,
        email: None,
        guest: false,
        kept_by_page: false,
        iat_s: None,
        exp_s: i64::MAX,
    };
    let who = Who::Token(Box::new(token));
    Some(Asker { who, site: ticket.site.clone(), address: None, client: None, grants: Vec::new() })
}

fn too_old() -> Response {
    refusal(StatusCode::BAD_REQUEST, "The link is too old, or not whole. Decide at the moderators' page.")
}

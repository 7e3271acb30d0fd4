//! `/openapi.json`: the interface as OpenAPI 3.1 has it, made from one row for each route and the shapes in `shapes.json`.
//! A test reads where routes are declared and fails when one has no row.

use std::sync::LazyLock;

use axum::response::Response;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::answer;

/// One route.
struct Row {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    /// Names of parameters of the query, each described in [`PARAMETERS`].
    query: &'static [&'static str],
    /// The shape of the body; empty for none.
    body: &'static str,
    status: u16,
    /// The shape of the answer, or its content type where it is no JSON; empty for none.
    answer: &'static str,
}

macro_rules! rows {
    ($($method:ident $path:literal $summary:literal [$($query:literal),*] $body:literal => $status:literal $answer:literal;)*) => {
        &[$(Row { method: stringify!($method), path: $path, summary: $summary, query: &[$($query),*], body: $body, status: $status, answer: $answer },)*]
    };
}

static ROWS: &[Row] = rows! {
    get "/" "The demo page in demo mode, else a line of text" [] "" => 200 "text/html";
    post "/" "Publishes, a dialect: off unless publish-root says otherwise" [] "Root" => 200 "text/plain";
    get "/showcase" "Every element in every state, in demo mode" [] "" => 200 "text/html";
    get "/embed.js" "The drop-in loader" [] "" => 200 "text/javascript";
    get "/embed/{name}" "A part of the scripts; never changes" [] "" => 200 "text/javascript";
    post "/v1/guests" "A new guest" ["site"] "" => 200 "Guest";
    patch "/v1/channels/{channel}" "A thread's title, and whether it is closed; moderators" ["site", "url", "id"] "ThreadChange" => 200 "ChannelName";
    get "/v1/channels/{channel}/comments" "A page of comments" ["site", "url", "id", "limit", "before", "sort", "view", "parent", "around"] "" => 200 "CommentPage";
    post "/v1/channels/{channel}/comments" "Writes a comment; the same nonce again is answered 200 with the same comment" ["site", "url", "id"] "Draft" => 201 "Posted";
    get "/v1/channels/{channel}/comments.html" "The thread as a document of 100 roots; with `fragment` what goes inside an element" ["site", "url", "id", "before", "parent", "sort", "fragment"] "" => 200 "text/html";
    get "/v1/channels/{channel}/comments.atom" "The newest comments of a channel as a feed" ["site", "url", "id"] "" => 200 "application/atom+xml";
    get "/v1/sites/{site}/comments.atom" "The newest comments of a site's pages as a feed" [] "" => 200 "application/atom+xml";
    post "/v1/pages" "Moves, merges, names, closes or opens pages; keys and admins" ["site"] "PagesChange" => 200 "PagesChanged";
    get "/v1/comments/{id}" "One comment" ["site"] "" => 200 "OneComment";
    patch "/v1/comments/{id}" "Another text for a comment; moderators also its state and whether it is pinned" ["site"] "CommentChange" => 200 "OneComment";
    delete "/v1/comments/{id}" "Takes a comment away" ["site"] "" => 204 "";
    put "/v1/comments/{id}/reactions/{name}" "A reaction is there; again changes nothing" ["site"] "" => 200 "Posted";
    delete "/v1/comments/{id}/reactions/{name}" "A reaction is there no longer" ["site"] "" => 200 "Posted";
    post "/v1/comments/{id}/report" "Reports a comment; the third different reader holds it" ["site"] "" => 204 "";
    post "/v1/channels/{channel}/challenge" "What a proof of work is to solve" ["site", "url", "id"] "" => 200 "Challenge";
    get "/v1/moderation/comments" "Comments of the site, newest first; moderators" ["site", "state", "author", "channel", "words", "before", "limit"] "" => 200 "Filings";
    get "/v1/moderation/comments/{id}" "One of them; moderators" ["site"] "" => 200 "Filing";
    post "/v1/moderation/orders" "Decides on comments, trusts and blocks, takes that back, sets the rules; moderators" ["site"] "Order" => 200 "Done";
    get "/v1/moderation/records" "What moderators did, newest first; moderators" ["site", "before"] "" => 200 "Records";
    post "/v1/moderation/records/{id}/undo" "Takes back what an act did; moderators" ["site"] "" => 200 "Done";
    get "/v1/moderation/blocks" "Who is blocked; moderators" ["site"] "" => 200 "Blocks";
    get "/v1/moderation/trusted" "Whom moderators trust, in the order of their ids; moderators" ["site", "after"] "" => 200 "Trusted";
    get "/v1/moderation/hours" "What came in each hour and what of it was held; moderators" ["site", "hours"] "" => 200 "Hours";
    get "/v1/moderation/rules" "The rules that were set, and which the configuration decides; moderators" ["site"] "" => 200 "Rules";
    get "/v1/moderation/threads" "The site's pages, in the order of their channels' names; moderators" ["site", "after"] "" => 200 "Threads";
    get "/v1/moderation/channels" "Channels that are read now; moderators" ["site"] "" => 200 "ChannelsRead";
    get "/admin" "The admin page" [] "" => 200 "text/html";
    post "/v1/preview" "What a text will look like" ["site"] "Text" => 200 "Preview";
    post "/v1/channels/{channel}/publications" "Publishes" ["site", "url", "id"] "Publication" => 200 "Position";
    post "/v1/channels/{channel}/typing" "Tells those present that somebody writes" ["site", "url", "id"] "Typing" => 204 "";
    get "/v1/channels/{channel}/history" "What a channel kept of its publications" ["site", "url", "id", "limit", "since", "reverse"] "" => 200 "History";
    post "/v1/batch" "Publishes many; not atomic, the order within a channel is kept" ["site"] "Batch" => 200 "BatchResults";
    get "/v1/channels/{channel}/events" "Events as they happen: a stream with Accept: text/event-stream, else a long poll" ["site", "url", "id", "since", "last_event_id", "signals", "wait", "viewer", "token"] "" => 200 "Events";
    get "/v1/events" "The same for up to 100 channels, each with the since that follows it" ["site", "channel", "since", "last_event_id", "signals", "wait", "viewer", "token"] "" => 200 "Events";
    get "/msgs" "A plain list, a dialect: the entries from the N-th on; waits while there are none" ["start"] "" => 200 "Entries";
    post "/msgs" "One more entry of the plain list" [] "Entry" => 200 "Empty";
    post "/api/{method}" "publish, broadcast, batch, history, presence, presence_stats, disconnect in Centrifugo's shapes, with X-API-Key" [] "Empty" => 200 "Empty";
    get "/v1/channels/{channel}/presence" "How many view, and for those who may see names who" ["site", "url", "id"] "" => 200 "Presence";
    get "/v1/counts" "Comments, viewers and views of at most 50 channels and pages" ["site", "channel", "url"] "" => 200 "Counts";
    post "/v1/counts" "The same of at most 200" ["site"] "CountsAsked" => 200 "Counts";
    get "/connection/websocket" "The WebSocket: the Centrifuge client protocol v2 in JSON" [] "" => 101 "";
    get "/v1/me" "What is kept about whoever asks; with an account, the whole of it only for Parlour's own pages" ["site"] "" => 200 "Me";
    delete "/v1/me" "Forgets whoever asks" ["site"] "" => 204 "";
    post "/v1/me/claim" "How many comments a guest left; with `take` they are theirs who are signed in" ["site"] "Claim" => 200 "Claimed";
    get "/v1/auth" "How somebody signs in at Parlour's own origin; nothing where that is not offered" ["site"] "" => 200 "Ways";
    post "/v1/auth/token" "A token for a one-time code and the page's secret" [] "Exchange" => 200 "Exchanged";
    delete "/v1/auth/token" "Signs out everywhere" ["site"] "" => 204 "";
    get "/healthz" "Alive" [] "" => 200 "Health";
    get "/readyz" "Fit to serve; 503 while draining, or when what is published does not arrive here" [] "" => 200 "Health";
    get "/metrics" "The figures for Prometheus; needs a key" [] "" => 200 "application/openmetrics-text";
    get "/openapi.json" "This description" [] "" => 200 "application/json";
};

/// Parameters of the query: name, type, what it is.
static PARAMETERS: &[(&str, &str, &str)] = &[
    ("site", "string", "The site, where neither token nor key says it; default: default"),
    ("url", "string", "With the channel's name `page`: the page's address. In counts: a page's address, repeatable"),
    ("id", "string", "With the channel's name `page`: the page's own id"),
    ("limit", "integer", "At most so many"),
    ("before", "string", "The cursor `next` of the page before, or one of `more` beside `parent`"),
    ("sort", "string", "newest, oldest or best"),
    ("view", "string", "flat: all comments; tree: roots, pinned ones first, each with at most ten of its descendants"),
    ("parent", "string", "A comment whose answers are read on"),
    ("around", "string", "A comment: the page that holds it, with its ancestors"),
    ("since", "string", "A position, EPOCH:OFFSET"),
    ("reverse", "boolean", "The newest first"),
    ("channel", "string", "A channel's name, repeatable"),
    (
        "last_event_id",
        "string",
        "The position to resume at, as the header Last-Event-ID has it; of several channels joined by commas",
    ),
    ("signals", "string", "viewers, typing, or both with a comma"),
    ("wait", "integer", "Seconds that a long poll waits: 25, at most 60"),
    ("viewer", "string", "A random id: this long poll is counted as a viewer for 30 s"),
    ("token", "string", "A token, where the header Authorization cannot be set"),
    ("state", "string", "approved, pending, spam, shadow or deleted"),
    ("author", "string", "A member's id"),
    ("words", "string", "Words of body or name, each the beginning of one"),
    ("after", "string", "The channel that a list goes on after: `next` of the page before"),
    ("hours", "integer", "So many hours back: 48, at most 744"),
    ("fragment", "string", "Without the document around it"),
    ("start", "integer", "The first entry wanted, from 0"),
];

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| document().to_string());

/// `GET /openapi.json`.
pub async fn description(headers: HeaderMap) -> Response {
    answer::tagged(&headers, "application/json", DESCRIPTION.clone(), "no-cache")
}

fn document() -> Value {
    let mut paths = Map::new();
    for row in ROWS {
        let operations = paths.entry(row.path).or_insert_with(|| json!({}));
        operations[row.method] = operation(row);
    }
    let shapes: Value = serde_json::from_str(include_str!("shapes.json")).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Parlour", "version": env!("CARGO_PKG_VERSION"), "description": "Comments, chat and presence for any web page. Errors are RFC 9457 problems; their types are in docs/codes.md." },
        "paths": paths,
        "components": {
            "schemas": shapes,
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "description": "A key (pk_…) or a token (JWT)" } },
        },
        "security": [{}, { "bearer": [] }],
    })
}

fn operation(row: &Row) -> Value {
    let in_path = row.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> =
        in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })).collect();
    for (name, kind, text) in PARAMETERS.iter().filter(|(name, ..)| row.query.contains(name)) {
        parameters.push(json!({ "name": name, "in": "query", "description": text, "schema": { "type": kind } }));
    }
    let mut success = json!({ "description": row.summary });
    if row.answer.contains('/') {
        success["content"] = json!({ row.answer: {} });
    } else if !row.answer.is_empty() {
        success["content"] = json!({ "application/json": { "schema": reference(row.answer) } });
    }
    let problem =
        json!({ "description": "A problem", "content": { "application/problem+json": { "schema": reference("Problem") } } });
    let mut operation = json!({
        "summary": row.summary,
        "parameters": parameters,
        "responses": { row.status.to_string(): success, "default": problem },
    });
    if !row.body.is_empty() {
        let is_required = row.body != "Typing";
        operation["requestBody"] =
            json!({ "required": is_required, "content": { "application/json": { "schema": reference(row.body) } } });
    }
    operation
}

fn reference(shape: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{shape}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Where routes are declared.
    const SOURCES: [&str; 2] = [include_str!("mod.rs"), include_str!("../server/mod.rs")];

    fn declared() -> BTreeSet<(String, String)> {
        let mut routes = BTreeSet::new();
        for line in SOURCES.iter().flat_map(|source| source.lines()).map(str::trim).filter(|line| line.starts_with(".route(\"")) {
            let (path, handlers) = line.trim_start_matches(".route(\"").split_once('"').unwrap();
            for method in ["get", "post", "put", "patch", "delete"] {
                if handlers.contains(&format!("{method}(")) {
                    routes.insert((method.to_owned(), path.to_owned()));
                }
            }
        }
        routes
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let described: BTreeSet<_> = ROWS.iter().map(|row| (row.method.to_owned(), row.path.to_owned())).collect();
        assert!(described.len() > 15);
        assert_eq!(described, declared());
    }

    #[test]
    fn every_shape_and_parameter_that_is_named_exists() {
        let document = document();
        let shapes = document["components"]["schemas"].as_object().unwrap();
        let named = ROWS.iter().flat_map(|row| [row.body, row.answer]).filter(|shape| !shape.is_empty() && !shape.contains('/'));
        for shape in named.chain(["Problem"]) {
            assert!(shapes.contains_key(shape), "{shape}");
        }
        for name in ROWS.iter().flat_map(|row| row.query) {
            assert!(PARAMETERS.iter().any(|(parameter, ..)| parameter == name), "{name}");
        }
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let shape = reference.split('"').next().unwrap();
            assert!(shapes.contains_key(shape), "{shape}");
        }
    }
}

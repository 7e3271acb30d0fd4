//! HTTP: the routes of CONTRACT §3. Each handler reads what was asked, calls the node once, and shapes the answer; what is
//! allowed, stored and told is decided there. The guard of `door` stands around all of it; live streams are written by `transport`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use parlour_wire::code::Code;

use crate::door::Problem;
use crate::door::body::Reading;
use crate::metrics::Metrics;
use crate::node::Node;

mod answer;
mod ask;
mod centrifugo;
mod channels;
mod comments;
mod description;
mod events;
mod health;
mod me;
mod moderation;
mod pages;
mod paper;
mod publications;
mod squeeze;

pub use answer::{lasting, tagged};
pub use ask::{Ask, Target, bearer, channel_key, whence};
pub use health::figures;
/// `POST /`: a dialect.
pub use publications::publish_root;
pub use squeeze::Text;

/// What handlers need.
#[derive(Clone)]
pub struct Api {
    /// Everything goes through it.
    pub node: Arc<Node>,
    /// The figures.
    pub metrics: Arc<Metrics>,
}

impl Api {
    /// How a body of an ordinary request is read.
    fn reading(&self) -> Reading {
        let rules = self.node.book.now();
        Reading { bytes_max: rules.limits.request_bytes_max, timeout: rules.limits.body_timeout }
    }

    /// How a batch is read.
    fn batch_reading(&self) -> Reading {
        let rules = self.node.book.now();
        Reading { bytes_max: rules.limits.batch_bytes_max, timeout: rules.limits.body_timeout }
    }
}

/// The routes. What else the server has is merged in by `server`, which sets the fallbacks too.
pub fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/guests", post(comments::new_guest))
        .route("/v1/channels/{channel}", axum::routing::patch(channels::change))
        .route("/v1/channels/{channel}/comments", get(comments::list).post(comments::create))
        .route("/v1/channels/{channel}/comments.html", get(paper::document))
        .route("/v1/channels/{channel}/comments.atom", get(paper::channel_feed))
        .route("/v1/sites/{site}/comments.atom", get(paper::site_feed))
        .route("/v1/pages", post(pages::change))
        .route("/v1/comments/{id}", get(comments::read).patch(comments::change).delete(comments::delete))
        .route("/v1/comments/{id}/reactions/{name}", axum::routing::put(comments::react).delete(comments::unreact))
        .route("/v1/comments/{id}/report", post(moderation::report))
        .route("/v1/channels/{channel}/challenge", post(moderation::challenge))
        .route("/v1/moderation/comments", get(moderation::search))
        .route("/v1/moderation/comments/{id}", get(moderation::one))
        .route("/v1/moderation/orders", post(moderation::order))
        .route("/v1/moderation/records", get(moderation::records))
        .route("/v1/moderation/records/{id}/undo", post(moderation::undo))
        .route("/v1/moderation/blocks", get(moderation::blocks))
        .route("/v1/moderation/trusted", get(moderation::trusted))
        .route("/v1/moderation/hours", get(moderation::hours))
        .route("/v1/moderation/rules", get(moderation::rules))
        .route("/v1/moderation/threads", get(moderation::threads))
        .route("/v1/moderation/channels", get(moderation::channels))
        .route("/v1/preview", post(comments::preview))
        .route("/v1/channels/{channel}/publications", post(publications::publish))
        .route("/v1/channels/{channel}/typing", post(publications::typing))
        .route("/v1/channels/{channel}/history", get(publications::history))
        .route("/v1/channels/{channel}/events", get(events::of_channel))
        .route("/v1/events", get(events::of_channels))
        .route("/api/{method}", post(centrifugo::call))
        .route("/msgs", get(publications::read_msgs).post(publications::post_msgs))
        .route("/v1/batch", post(publications::batch))
        .route("/v1/channels/{channel}/presence", get(channels::presence))
        .route("/v1/counts", get(channels::counts_asked).post(channels::counts_listed))
        .route("/v1/me", get(me::read).delete(me::forget))
        .route("/v1/me/claim", post(me::claim))
        .route("/v1/auth", get(me::ways))
        .route("/v1/auth/token", post(me::exchange).delete(me::sign_out))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(description::description))
}

/// What no route takes.
pub async fn not_found() -> Response {
    Problem::with_detail(Code::MethodNotFound, "There is nothing at this path: see /openapi.json.").into_response()
}

/// What a route does not take.
pub async fn method_not_allowed(_: State<Api>) -> Response {
    Problem::from(Code::MethodNotAllowed).into_response()
}

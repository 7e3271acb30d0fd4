//! The assembly: from a configuration to a running server, and back. Its `place` alone names a concrete backend.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::{self, Api};
use crate::backend::lanes;
use crate::config::Config;
use crate::door::{Peer, guard};
use crate::hook::Hooks;
use crate::mail::{Mailbag, Postman};
use crate::metrics::Metrics;
use crate::node::Node;
use crate::outbound;
use crate::rule::Book;
use crate::signin::{self, SignIn};
use crate::transport::socketio::SocketIo;
use crate::{dialect, notice, site, transport, verify};

pub mod accept;
pub mod files;
mod peers;
mod place;

pub use place::{Beside, Place};

/// How long connections may take to finish their last request once all sessions were told to go.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// A server that is ready to serve: the store is open, the node runs, nothing listens yet.
pub struct Server {
    /// The node.
    pub node: Arc<Node>,
    /// The rules in force; replaced when the configuration is read again.
    pub book: Arc<Book>,
    /// The figures.
    pub metrics: Arc<Metrics>,
    /// Whatever the server itself asks of the network is asked through it.
    pub outbound: outbound::Client,
    sockets: SocketIo,
    mailbag: Mailbag,
    secret: [u8; 32],
    connections_max: usize,
    drain: Duration,
}

impl Server {
    /// Opens the store and starts the node.
    ///
    /// # Errors
    /// Options that do not fit together; a store that cannot be opened.
    pub async fn open(config: &Config) -> anyhow::Result<Server> {
        let rules = config.rules()?;
        let files = files::raise();
        let connections_max = files::connections_max(rules.limits.connections_max, files);
        match files {
            Some(files) => tracing::info!("{files} files may be open, room for {connections_max} connections"),
            None => tracing::info!("any number of files may be open, room for {connections_max} connections"),
        }
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let (sender, receivers) = lanes(workers);
        let (sender, questions) = sender.with_questions();
        let metrics = Arc::new(Metrics::default());
        let backend = Place::parse(&config.process.store)?.open(config, &rules, sender, &metrics).await?;
        tracing::info!("store {}", backend.store.describe());
        let book = Arc::new(Book::new(rules));
        let outbound = open_outbound(config, &book)?;
        let hooks = Arc::new(Hooks::new(backend.clone(), book.clone(), config.process.webhook_queue));
        let node = Node::start(backend, receivers, book.clone(), outbound.clone(), hooks.clone()).await?;
        // Ends with the process: what was not delivered stays in its queue.
        tokio::spawn(hooks.work(outbound.clone(), metrics.clone()));
        verify::start(&node, outbound.clone());
        // The figures do not keep the node alive.
        let measured = Arc::downgrade(&node);
        metrics.observe(move |metrics| {
            if let Some(node) = measured.upgrade() {
                node.measure(metrics);
            }
        });
        let sockets = SocketIo::open(&node, dialect::spoken);
        tokio::spawn(peers::serve(node.clone(), sockets.clone(), questions));
        let mailbag = Mailbag::new(node.backend().shelf.clone(), config.process.mail_queue);
        if let Some(mail) = &book.now().sign_in.mail {
            // Ends with the process: what it has not carried stays in the bag.
            tokio::spawn(Postman::new(mailbag.clone(), mail)?.work());
        }
        let secret = node.backend().store.secret().await?;
        tokio::spawn(notice::work(Arc::downgrade(&node), mailbag.clone(), secret));
        let drain = config.process.drain;
        Ok(Server { node, book, metrics, outbound, sockets, mailbag, secret, connections_max, drain })
    }

    /// Everything that is served.
    pub fn router(&self) -> Router {
        let api = Api { node: self.node.clone(), metrics: self.metrics.clone() };
        let guard = guard::Guard { book: self.book.clone(), metrics: self.metrics.clone() };
        let sign_in = SignIn::new(self.node.clone(), self.outbound.clone(), self.mailbag.clone(), self.secret);
        api::routes()
            .merge(signin::routes().with_state(sign_in))
            .route("/", get(site::home).post(api::publish_root))
            .route("/showcase", get(site::showcase))
            .route("/admin", get(site::admin))
            .route("/embed.js", get(site::loader))
            .route("/embed/{name}", get(site::part))
            .route("/connection/websocket", get(websocket))
            .route("/socket.io/", socketio(&self.sockets))
            .method_not_allowed_fallback(api::method_not_allowed)
            .fallback(api::not_found)
            .layer(from_fn_with_state(guard, guard::watch))
            .with_state(api)
    }

    /// Serves until `shutdown` is ready; then tells everyone to go, lets them finish, and closes the store.
    pub async fn serve(self, listener: TcpListener, metrics_listener: Option<TcpListener>, shutdown: impl Future<Output = ()>) {
        let (close, closing) = watch::channel(false);
        let acceptor = |router: Router, connections_max: usize| accept::Acceptor {
            router,
            book: self.book.clone(),
            metrics: self.metrics.clone(),
            connections_max,
            seats: Arc::default(),
        };
        let door = acceptor(self.router(), self.connections_max);
        let seats = Arc::downgrade(&door.seats);
        self.metrics.observe(move |metrics| {
            let taken = seats.upgrade().map_or(0, |seats| seats.taken());
            metrics.connections.set(i64::try_from(taken).unwrap_or(i64::MAX));
        });
        let doors = tokio::spawn(door.run(listener, closing.clone()));
        let figures = metrics_listener.map(|listener| {
            let acceptor = acceptor(figures_router(&self.metrics), FIGURES_CONNECTIONS_MAX);
            tokio::spawn(acceptor.run(listener, closing))
        });
        shutdown.await;
        tracing::info!("closing: no connection is accepted, {:?} to tell everyone", self.drain);
        self.node.begin_drain();
        // Whoever is told may read the loop's end first; both only say that it is over.
        let _ = close.send(true);
        let left = doors.await.unwrap_or_default();
        self.node.drain(self.drain).await;
        finish(left).await;
        if let Some(figures) = figures {
            finish(figures.await.unwrap_or_default()).await;
        }
        self.node.close().await;
        tracing::info!("closed: everything that was accepted is stored");
    }
}

/// Connections to the address of the figures.
const FIGURES_CONNECTIONS_MAX: usize = 16;

/// Starts a server on this listener and runs it until `shutdown` is ready.
///
/// # Errors
/// As [`Server::open`].
pub async fn run(config: &Config, listener: TcpListener, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let server = Server::open(config).await?;
    server.serve(listener, None, shutdown).await;
    Ok(())
}

fn open_outbound(config: &Config, book: &Arc<Book>) -> anyhow::Result<outbound::Client> {
    let process = &config.process;
    let roots = match process.outbound_roots.as_str() {
        "" => None,
        path => Some(std::fs::read(path).with_context(|| format!("`outbound-roots`: {path} cannot be read"))?),
    };
    let requests_max = usize::try_from(process.outbound_requests).unwrap_or(usize::MAX);
    outbound::Client::open(book.clone(), roots.as_deref(), requests_max).map_err(|fault| anyhow!("`outbound-roots`: {fault}"))
}

/// The address of the figures serves nothing else.
fn figures_router(metrics: &Arc<Metrics>) -> Router {
    let serve = async |State(metrics): State<Arc<Metrics>>| api::figures(&metrics);
    Router::new().route("/metrics", get(serve)).fallback(api::not_found).with_state(metrics.clone())
}

/// `GET /connection/websocket`.
async fn websocket(State(api): State<Api>, mut request: Request) -> Response {
    let peer = request.extensions_mut().remove::<Peer>();
    transport::websocket::upgrade(api.node, request, peer)
}

/// `/socket.io/`, with the dialects that are spoken.
fn socketio(door: &SocketIo) -> MethodRouter<Api> {
    let door = door.clone();
    any(move |request: Request| {
        let door = door.clone();
        async move { door.serve(request).await }
    })
}

/// Waits for connections to finish their last request, but not for ever.
async fn finish(mut left: JoinSet<()>) {
    let all = async { while left.join_next().await.is_some() {} };
    if tokio::time::timeout(FINISH_WITHIN, all).await.is_err() {
        left.shutdown().await;
    }
}

#[cfg(test)]
mod tests;

//! `parlour serve`: starts the server, reads the configuration again when it is told to, and ends when it is told to.

use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{say, token};
use crate::config::{Config, Sources};
use crate::node::Node;
use crate::rule::Book;
use crate::server::Server;

/// Runs the server until SIGTERM or SIGINT.
///
/// # Errors
/// The configuration, the address or the store is not usable.
pub async fn run(sources: Sources, config: Config) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let hangup = signal(SignalKind::hangup())?;
    let listen = config.listen()?;
    let listener = bind(listen).await?;
    let metrics_listener = match config.metrics_listen()? {
        Some(listen) => Some(bind(listen).await?),
        None => None,
    };
    let server = Server::open(&config).await?;
    let base = format!("http://{}", listener.local_addr()?);
    if let Some(listener) = &metrics_listener {
        say(&format!("Figures at http://{}/metrics", listener.local_addr()?))?;
    }
    if config.process.demo {
        say("Demo mode: everybody on this machine may do everything; nobody else is answered")?;
        say(&format!("Moderate at {base}/#token={}", moderator(&server.node).await?))?;
    }
    say(&format!("Parlour listens on {base}/"))?;
    let reloads = tokio::spawn(reload(hangup, sources, server.book.clone()));
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    server.serve(listener, metrics_listener, shutdown).await;
    reloads.abort();
    Ok(())
}

async fn bind(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = if address.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address).and_then(|()| socket.listen(BACKLOG)).with_context(|| format!("cannot listen on {address}"))
}

/// Connections that wait to be accepted; the kernel may allow fewer.
const BACKLOG: u32 = 4_096;

/// A moderator's token for the line at the start of demo mode, where moderation needs one too.
async fn moderator(node: &Node) -> anyhow::Result<String> {
    let secret = node.backend().store.secret().await?;
    token::moderator(secret, node.clock.now_s())
}

/// Reads the configuration again at each SIGHUP. A bad one changes nothing and is reported.
async fn reload(mut hangup: Signal, sources: Sources, book: Arc<Book>) {
    while hangup.recv().await.is_some() {
        match sources.read().and_then(|config| config.rules()) {
            Ok(rules) if rules.demo != book.now().demo => {
                tracing::error!("the configuration was not taken: demo mode cannot change while the server runs")
            }
            Ok(rules) => {
                book.replace(rules);
                tracing::info!("the configuration was read again; addresses, the store and what is open stay as they are");
            }
            Err(fault) => tracing::error!(%fault, "the configuration was not taken"),
        }
    }
}

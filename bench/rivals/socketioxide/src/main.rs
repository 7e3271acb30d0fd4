//! socketioxide on axum as its documentation shows it: rooms, one `emit` to a room per publication. Started by parlour-bench as
//! `rival-socketioxide PORT`; listens on loopback alone.

use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("a port is wanted")?.parse()?;
    // A worker for each core that this process may use.
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(port))
}

async fn serve(port: u16) -> Result<(), Box<dyn std::error::Error>> {
    let (layer, io) = SocketIo::builder().build_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("subscribe", async |socket: SocketRef, Data(channel): Data<String>, ack: AckSender| {
            socket.join(channel);
            if let Err(error) = ack.send(&()) {
                eprintln!("a subscriber is gone: {error}");
            }
        });
        socket.on("publish", async |io: SocketIo, Data((channel, payload)): Data<(String, Value)>| {
            if let Err(error) = io.to(channel).emit("m", &payload).await {
                eprintln!("a publication reached not everyone: {error}");
            }
        });
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}

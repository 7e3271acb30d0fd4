//! Making one connection: to which server, as whom, encrypted or not, within which time. Everything else keeps one ([`super::line`])
//! or finds out where to ([`super::pilot`]).

use std::sync::{Arc, Once};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError,
};

use super::place::{Address, Login, Place};

/// A connection is there within so long, greeting included, or not at all.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// Commands that wait between the callers and the socket of one connection.
const COMMANDS_WAITING_MAX: usize = 256;
/// Bytes that wait there.
const BYTES_WAITING_MAX: usize = 256 * 1024;

/// How to reach the servers of a place.
#[derive(Clone)]
pub(super) struct Dial {
    place: Arc<Place>,
    login: Login,
    database: u16,
    /// Replicas that are to have what is stored before it is acknowledged.
    pub(super) replicas: u32,
}

impl Dial {
    pub(super) fn new(place: Arc<Place>, replicas: u32) -> Dial {
        if place.tls {
            static CIPHERS: Once = Once::new();
            // Whoever installed others before has chosen.
            CIPHERS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        }
        Dial { login: place.login.clone(), database: place.database, place, replicas }
    }

    /// The same for Sentinels: they have users of their own, and no data.
    pub(super) fn to_sentinels(&self) -> Dial {
        Dial { login: self.place.sentinel_login.clone(), database: 0, ..self.clone() }
    }

    /// The place that is dialled.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Connects. `told` hears what the server says unasked, and at the end of the connection a
    /// `Disconnection`; it runs on the connection's own task and must not block.
    pub(super) async fn server(
        &self,
        address: &Address,
        told: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, RedisError> {
        let (host, port) = (address.host.clone(), address.port);
        let to = match self.place.tls {
            true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            false => ConnectionAddr::Tcp(host, port),
        };
        let login = self.login().set_protocol(ProtocolVersion::RESP3).set_lib_name("parlour", env!("CARGO_PKG_VERSION"));
        let keepalive = socket2::TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        let info = to.into_connection_info()?.set_redis_settings(login).set_tcp_settings(tcp);
        // Whoever calls has a limit of its own, counted from the call, not from the sending.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(COMMANDS_WAITING_MAX)
            .set_write_backpressure_boundary(BYTES_WAITING_MAX)
            .set_push_sender(move |push| {
                told(push);
                Ok::<(), redis::aio::SendError>(())
            });
        Client::open(info)?.get_multiplexed_async_connection_with_config(&config).await
    }

    fn login(&self) -> RedisConnectionInfo {
        let mut login = RedisConnectionInfo::default().set_db(i64::from(self.database));
        if let Some(user) = &self.login.user {
            login = login.set_username(user);
        }
        if let Some(password) = &self.login.password {
            login = login.set_password(password);
        }
        login
    }
}

//! From an address to a connection: the host is looked up once, each of its addresses is checked, and the connection goes to one
//! that passed, so that a second answer of the name server changes nothing. TLS by rustls, with ring.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use super::{Fault, Resolve, URL_BYTES_MAX};
use crate::rule::{Reach, is_public};

/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 4;
/// How long one of them may take to answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// Where to connect.
pub(super) struct Target {
    /// As the parser of addresses writes it: in lower case, an IPv6 address in brackets.
    host: String,
    /// The address, where the host is one.
    literal: Option<IpAddr>,
    port: u16,
    is_tls: bool,
    /// Whether TLS may be left out although the operator did not name the host.
    is_plain_allowed: bool,
    /// The header `Host`.
    pub(super) authority: String,
}

impl Target {
    /// Where an address leads.
    pub(super) fn of(url: &Url, is_plain_allowed: bool, reach: &Reach) -> Result<Target, Fault> {
        let is_tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(Fault::AddressInvalid),
        };
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.as_str().len() > URL_BYTES_MAX {
            return Err(Fault::AddressInvalid);
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(Fault::AddressInvalid),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Fault::AddressInvalid)?.to_owned();
        let port = url.port_or_known_default().filter(|port| *port > 0).ok_or(Fault::AddressInvalid)?;
        if !is_tls && !is_plain_allowed && literal.is_some() && !reach.names_host(&host) {
            return Err(Fault::Insecure);
        }
        let authority = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        Ok(Target { host, literal, port, is_tls, is_plain_allowed, authority })
    }
}

/// What goes both ways, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to the first of the host's addresses that may be asked and answers.
pub(super) async fn open(
    target: &Target,
    reach: &Reach,
    resolver: &dyn Resolve,
    tls: &TlsConnector,
) -> Result<TokioIo<Box<dyn Stream>>, Fault> {
    let found = match target.literal {
        Some(address) => vec![SocketAddr::new(address, target.port)],
        None => resolver.resolve(&target.host, target.port).await.map_err(|_| Fault::Unresolved)?,
    };
    if found.is_empty() {
        return Err(Fault::Unresolved);
    }
    let is_named = |address: &SocketAddr| reach.names(&target.host, address.ip());
    let reachable: Vec<SocketAddr> =
        found.into_iter().filter(|address| is_public(address.ip()) || is_named(address)).take(ADDRESSES_MAX).collect();
    if reachable.is_empty() {
        return Err(Fault::Private);
    }
    if !target.is_tls && !target.is_plain_allowed && !reachable.iter().all(is_named) {
        return Err(Fault::Insecure);
    }
    let socket = connect(&reachable, target.port).await?;
    if !target.is_tls {
        return Ok(TokioIo::new(Box::new(socket)));
    }
    let name = match target.literal {
        Some(address) => ServerName::IpAddress(address.into()),
        None => ServerName::try_from(target.host.clone()).map_err(|_| Fault::AddressInvalid)?,
    };
    match tls.connect(name, socket).await {
        Ok(stream) => Ok(TokioIo::new(Box::new(stream))),
        // What rustls refuses is data that is not as it must be; everything else broke on the way.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Fault::Certificate),
        Err(_) => Err(Fault::Unreachable),
    }
}

async fn connect(addresses: &[SocketAddr], port: u16) -> Result<TcpStream, Fault> {
    for address in addresses {
        // A resolver says where the host is, not which of its doors is meant.
        let connecting = TcpStream::connect(SocketAddr::new(address.ip(), port));
        if let Ok(Ok(socket)) = tokio::time::timeout(CONNECT_WITHIN, connecting).await {
            return Ok(socket);
        }
    }
    Err(Fault::Unreachable)
}

/// The system's name service.
pub(super) struct System;

#[async_trait]
impl Resolve for System {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// TLS 1.2 and 1.3, HTTP/1.1.
pub(super) fn tls(roots: Option<&[u8]>) -> Result<TlsConnector, String> {
    let mut believed = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in roots.into_iter().flat_map(CertificateDer::pem_slice_iter) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        believed.add(certificate).map_err(|error| error.to_string())?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(believed)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

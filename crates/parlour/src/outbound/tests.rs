//! The client against servers of this machine that do everything wrong, and name servers that lie.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;
use crate::config::Sources;
use crate::config::layer::FileLayers;

/// An address that counts as public, of a block that nobody was given (2d00::/8): nothing leaves for anywhere.
const PUBLIC: &str = "2d00::1";

fn book(allow: &str) -> Arc<Book> {
    let layers = FileLayers::from_text(&format!("outbound-allow = \"{allow}\"")).unwrap();
    Arc::new(Book::new(Sources::default().read_with(layers, None).unwrap().rules().unwrap()))
}

fn client(allow: &str) -> Client {
    Client::open(book(allow), None, 4).unwrap()
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

/// A name server with a list of answers for each host, the last of which stays.
#[derive(Default)]
struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<&'static str>>>>,
    asked: AtomicUsize,
}

impl Names {
    fn of(host: &str, answers: &[&[&'static str]]) -> Arc<Names> {
        let answers = answers.iter().map(|answer| answer.to_vec()).collect();
        Arc::new(Names { answers: Mutex::new(HashMap::from([(host.to_owned(), answers)])), asked: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock();
        let answers = answers.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Ok(answer.iter().map(|address| SocketAddr::new(address.parse().unwrap(), port)).collect())
    }
}

/// Serves every connection on loopback with `serve`, which gets the socket and the request's head; counts connections.
async fn server<S, F>(serve: S) -> (SocketAddr, Arc<AtomicUsize>)
where
    S: Fn(TcpStream, String) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                if socket.read_buf(&mut head).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            tokio::spawn(serve(socket, String::from_utf8_lossy(&head).into_owned()));
        }
    });
    (address, count)
}

async fn says(text: String) -> (SocketAddr, Arc<AtomicUsize>) {
    server(move |mut socket, _| {
        let text = text.clone();
        async move {
            let _ = socket.write_all(text.as_bytes()).await;
        }
    })
    .await
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn what_was_named_is_asked_and_answers_whole() {
    let (address, _) = server(|mut socket, head| async move {
        let _ = socket.write_all(ok(&head).as_bytes()).await;
    })
    .await;
    let secret = HeaderValue::from_static("Bearer t");
    let ask = Ask::get(url(&format!("http://{address}/a%20b?c=d#e"))).header(http::header::AUTHORIZATION, secret);
    let answer = client("127.0.0.1").send(ask).await.unwrap();
    let head = String::from_utf8(answer.body.to_vec()).unwrap().to_ascii_lowercase();
    assert!(answer.status.is_success() && !answer.is_cut);
    assert!(head.starts_with("get /a%20b?c=d http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {address}\r\n")) && head.contains("authorization: bearer t\r\n"), "{head}");
    let ask =
        Ask::post(url(&format!("http://{address}/")), "application/json", "{}").header(USER_AGENT, HeaderValue::from_static("x"));
    let answer = client("127.0.0.1").send(ask).await.unwrap();
    let head = String::from_utf8(answer.body.to_vec()).unwrap().to_ascii_lowercase();
    assert!(head.contains("content-type: application/json\r\n") && head.contains("content-length: 2\r\n"), "{head}");
    assert!(head.contains("user-agent: x\r\n") && !head.contains("parlour"), "{head}");
}

#[tokio::test]
async fn a_private_address_is_not_asked_however_it_is_written() {
    let (address, connections) = says(ok("secret")).await;
    let port = address.port();
    for host in ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0"] {
        let ask = Ask::get(url(&format!("http://{host}:{port}/"))).plain();
        assert_eq!(client("").send(ask).await.unwrap_err(), Fault::Private, "{host}");
    }
    for address in ["169.254.169.254", "10.0.0.1", "[fe80::1]", "[::1]", "100.100.100.200", "192.168.0.1"] {
        let ask = Ask::get(url(&format!("https://{address}/")));
        assert_eq!(client("").send(ask).await.unwrap_err(), Fault::Private, "{address}");
    }
    // The system's own names of this machine.
    let ask = Ask::get(url(&format!("http://localhost:{port}/"))).plain();
    assert!(matches!(client("").send(ask).await.unwrap_err(), Fault::Private | Fault::Unresolved));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed_there() {
    let (address, connections) = says(ok("secret")).await;
    let inside = format!("http://rebind.example:{}/", address.port());
    let send = async |names: &Arc<Names>, allow: &str| {
        let ask = Ask::get(url(&inside)).plain().within(Duration::from_millis(500));
        client(allow).with_resolver(names.clone()).send(ask).await.map(|answer| answer.body)
    };
    let private = Names::of("rebind.example", &[&["127.0.0.1", "10.0.0.1", "::1"]]);
    assert_eq!(send(&private, "").await.unwrap_err(), Fault::Private);
    // The first answer is public, every later one is not: the connection goes where the check looked.
    let rebinding = Names::of("rebind.example", &[&[PUBLIC], &["127.0.0.1"]]);
    assert!(matches!(send(&rebinding, "").await.unwrap_err(), Fault::TimedOut | Fault::Unreachable));
    assert_eq!(rebinding.asked.load(Ordering::SeqCst), 1, "looked up once");
    let mixed = Names::of("rebind.example", &[&["127.0.0.1", PUBLIC]]);
    assert!(matches!(send(&mixed, "").await.unwrap_err(), Fault::TimedOut | Fault::Unreachable));
    assert_eq!(connections.load(Ordering::SeqCst), 0);
    assert_eq!(send(&private, "rebind.example").await.unwrap(), "secret", "what the operator named is asked");
    assert_eq!(send(&private, "*.example").await.unwrap(), "secret");
    assert_eq!(send(&Names::of("other.example", &[&[PUBLIC]]), "").await.unwrap_err(), Fault::Unresolved);
    assert_eq!(send(&Names::of("rebind.example", &[&[]]), "").await.unwrap_err(), Fault::Unresolved);
}

#[tokio::test]
async fn plain_http_needs_somebody_who_allows_it() {
    let names = Names::of("site.example", &[&[PUBLIC]]);
    let client = client("127.0.0.1").with_resolver(names);
    let ask = |text: &str| Ask::get(url(text)).within(Duration::from_millis(200));
    assert_eq!(client.send(ask("http://site.example/")).await.unwrap_err(), Fault::Insecure);
    assert_eq!(client.send(ask("http://9.9.9.9/")).await.unwrap_err(), Fault::Insecure);
    assert!(matches!(client.send(ask("http://site.example/").plain()).await.unwrap_err(), Fault::TimedOut | Fault::Unreachable));
    for bad in ["ftp://site.example/", "file:///etc/passwd", "https://user@site.example/", "https://:pass@site.example/"] {
        assert_eq!(client.send(ask(bad)).await.unwrap_err(), Fault::AddressInvalid, "{bad}");
    }
}

#[tokio::test]
async fn a_redirect_leads_at_most_to_the_same_origin() {
    let (elsewhere, heard) = says(ok("elsewhere")).await;
    let (address, _) = server(move |mut socket, head| async move {
        let location = match head.split(' ').nth(1).unwrap_or_default() {
            "/out" => format!("http://{elsewhere}/"),
            "/scheme" => "file:///etc/passwd".to_owned(),
            "/loop" => "/loop".to_owned(),
            "/one" => "two".to_owned(),
            _ => String::new(),
        };
        let answer = match location.is_empty() {
            true => ok("here"),
            false => format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"),
        };
        let _ = socket.write_all(answer.as_bytes()).await;
    })
    .await;
    let client = client("127.0.0.1");
    let ask = |path: &str| Ask::get(url(&format!("http://{address}{path}")));
    assert_eq!(client.send(ask("/one")).await.unwrap().status, 302, "not followed unless asked");
    let answer = client.send(ask("/one").follow(3)).await.unwrap();
    assert_eq!((answer.body.as_ref(), answer.url.path()), (&b"here"[..], "/two"));
    for bad in ["/out", "/scheme", "/loop"] {
        assert_eq!(client.send(ask(bad).follow(3)).await.unwrap_err(), Fault::Redirected, "{bad}");
    }
    assert_eq!(heard.load(Ordering::SeqCst), 0);
    let post = Ask::post(url(&format!("http://{address}/one")), "application/json", "{}").follow(3);
    assert_eq!(client.send(post).await.unwrap().status, 302, "a POST is never sent twice");
}

#[tokio::test]
async fn an_endless_answer_is_cut_or_refused() {
    let (address, _) = server(|mut socket, head| async move {
        let length = if head.contains("/said") { "Content-Length: 99999999\r\n" } else { "" };
        let _ = socket.write_all(format!("HTTP/1.1 200 OK\r\n{length}\r\n").as_bytes()).await;
        let piece = vec![b'x'; 16 << 10];
        while socket.write_all(&piece).await.is_ok() {}
    })
    .await;
    let ask = |path: &str| Ask::get(url(&format!("http://{address}{path}"))).answer_bytes(100_000);
    let client = client("127.0.0.1");
    assert_eq!(client.send(ask("/")).await.unwrap_err(), Fault::TooLarge);
    assert_eq!(client.send(ask("/said")).await.unwrap_err(), Fault::TooLarge);
    let answer = client.send(ask("/").cut()).await.unwrap();
    assert!(answer.is_cut && answer.body.len() == 100_000);
    assert!(client.send(ask("/said").cut()).await.unwrap().is_cut);
}

#[tokio::test]
async fn an_endless_head_and_what_is_no_http_are_refused() {
    let (long, _) = server(|mut socket, _| async move {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while socket.write_all(b"A-Header: of which there is no end\r\n").await.is_ok() {}
    })
    .await;
    let (noise, _) = says("SSH-2.0-OpenSSH_9.9\r\n".to_owned()).await;
    let (short, _) = says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_owned()).await;
    let (silent, _) = says(String::new()).await;
    for address in [long, noise, short, silent] {
        let ask = Ask::get(url(&format!("http://{address}/")));
        assert_eq!(client("127.0.0.1").send(ask).await.unwrap_err(), Fault::Broken);
    }
}

#[tokio::test]
async fn a_drip_ends_with_the_time_and_gives_its_place_back() {
    let (address, connections) = server(|mut socket, _| async move {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let mut drips = tokio::time::interval(Duration::from_millis(20));
        while socket.write_all(b"x").await.is_ok() {
            drips.tick().await;
        }
    })
    .await;
    let client = Client::open(book("127.0.0.1"), None, 2).unwrap();
    let asks: Vec<_> = (0..6)
        .map(|_| {
            let (client, ask) = (client.clone(), Ask::get(url(&format!("http://{address}/"))).within(Duration::from_millis(300)));
            tokio::spawn(async move { client.send(ask).await })
        })
        .collect();
    for ask in asks {
        assert_eq!(ask.await.unwrap().unwrap_err(), Fault::TimedOut);
    }
    assert!(connections.load(Ordering::SeqCst) <= 2, "no more at once than places; those who waited waited in their own time");
    let (quick, _) = says(ok("quick")).await;
    let answer = client.send(Ask::get(url(&format!("http://{quick}/")))).await.unwrap();
    assert_eq!(answer.body, "quick");
}

/// A server with a certificate of its own for `site.example`, and the certificate as PEM.
async fn secure() -> (SocketAddr, String) {
    let key = rcgen::generate_simple_self_signed(vec!["site.example".to_owned()]).unwrap();
    let pem = key.cert.pem();
    let private = PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                let mut head = vec![0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(ok("over tls").as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (address, pem)
}

#[tokio::test]
async fn a_certificate_must_be_believed_and_of_that_host() {
    let (address, pem) = secure().await;
    let mut names = HashMap::new();
    names.insert("site.example".to_owned(), vec![vec!["127.0.0.1"]]);
    names.insert("other.example".to_owned(), vec![vec!["127.0.0.1"]]);
    let names = Arc::new(Names { answers: Mutex::new(names), asked: AtomicUsize::new(0) });
    let ask = |host: &str| Ask::get(url(&format!("https://{host}:{}/", address.port())));
    let believing = Client::open(book("127.0.0.1"), Some(pem.as_bytes()), 4).unwrap().with_resolver(names.clone());
    assert_eq!(believing.send(ask("site.example")).await.unwrap().body, "over tls");
    assert_eq!(believing.send(ask("other.example")).await.unwrap_err(), Fault::Certificate);
    assert_eq!(believing.send(ask("127.0.0.1")).await.unwrap_err(), Fault::Certificate);
    let usual = client("127.0.0.1").with_resolver(names);
    assert_eq!(usual.send(ask("site.example")).await.unwrap_err(), Fault::Certificate);
    assert!(Client::open(book(""), Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 1).is_err());
}

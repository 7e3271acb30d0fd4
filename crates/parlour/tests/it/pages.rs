//! Pages over HTTP and the WebSocket: threads move and become one while readers are there, old names go on working, and what is
//! invented makes nothing.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::server::{PATIENCE, Server, binary};
use crate::socket::Socket;

pub const ORIGIN: &str = "https://blog.example";

/// The comments of the page at this address.
pub fn named(url: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
    format!("/v1/channels/page/comments?url={encoded}")
}

/// A server of the site `https://blog.example` with a key.
pub struct Site {
    pub server: Server,
    pub client: Client,
    pub key: String,
}

impl Site {
    pub fn open(file: &str) -> Site {
        let file = format!("origins = [\"{ORIGIN}\"]\n{file}");
        Site::of(Server::start(&[], &file))
    }

    /// The same on a server that runs.
    pub fn of(server: Server) -> Site {
        let key = server.key("default");
        Site { server, client: Client::new(), key }
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(self.server.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    /// The first page of comments of a page, by its address.
    pub async fn read(&self, path: &str) -> Value {
        let url = format!("{ORIGIN}{path}");
        let request = self.client.get(self.server.url(&named(&url)));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// A stranger's comment on a page.
    pub async fn post(&self, path: &str, body: &str) -> (StatusCode, Value) {
        let url = format!("{ORIGIN}{path}");
        let request = self.client.post(self.server.url(&named(&url)));
        let draft = json!({ "body": body, "page": { "url": url, "title": format!("Title of {path}") } });
        let answer = request.header("origin", ORIGIN).json(&draft).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// `POST /v1/pages` with the key.
    pub async fn pages(&self, ask: Value) -> (StatusCode, Value) {
        let request = self.client.post(self.server.url("/v1/pages")).bearer_auth(&self.key).json(&ask);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// The same, which is to succeed.
    pub async fn change(&self, ask: Value) -> Value {
        let (status, answer) = self.pages(ask.clone()).await;
        assert_eq!(status, StatusCode::OK, "{ask}: {answer}");
        answer
    }

    pub async fn channel(&self, path: &str) -> String {
        self.read(path).await["channel"].as_str().unwrap().to_owned()
    }
}

/// The next event of this name that the socket hears: its `pub`.
pub async fn heard(socket: &mut Socket, name: &str) -> Value {
    loop {
        let push = socket.push().await;
        if push["pub"]["tags"]["event"] == name {
            return push["pub"].clone();
        }
    }
}

/// Waits until the subscription is taken back.
pub async fn unsubscribed(socket: &mut Socket, channel: &str) {
    loop {
        let push = socket.push().await;
        if push["unsubscribe"].is_object() && push["channel"] == channel {
            return;
        }
    }
}

/// An event stream.
struct Stream {
    answer: reqwest::Response,
    text: String,
}

impl Stream {
    async fn open(site: &Site, path: &str) -> Stream {
        let request = site.client.get(site.server.url(path)).header("accept", "text/event-stream");
        Stream { answer: request.send().await.unwrap(), text: String::new() }
    }

    /// The data of the next event of this name.
    async fn until(&mut self, name: &str) -> Value {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n").map(|(block, rest)| (block.to_owned(), rest.to_owned()))
            {
                self.text = rest;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if field("event:") == Some(name) {
                    return serde_json::from_str(field("data:").unwrap_or("null")).unwrap_or(Value::Null);
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.answer.chunk()).await.expect("nothing comes").unwrap();
            self.text.push_str(std::str::from_utf8(&chunk.expect("the stream ended")).unwrap());
        }
    }
}

fn bodies(page: &Value) -> Vec<&str> {
    page["comments"].as_array().unwrap().iter().map(|comment| comment["body"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn threads_move_and_merge_and_each_reader_ends_on_the_right_one() {
    let site = Site::open("address-posts = \"1000/1ms\"");
    for (path, body) in [("/blog/one", "first"), ("/blog/two", "second"), ("/notes/two", "third"), ("/about", "fourth")] {
        assert_eq!(site.post(path, body).await.0, StatusCode::CREATED);
    }
    let (one, two, about) = (site.channel("/blog/one").await, site.channel("/blog/two").await, site.channel("/about").await);
    let (new_one, new_two) = (site.channel("/notes/one").await, site.channel("/notes/two").await);
    let mut readers = Vec::new();
    for channel in [&one, &two, &about, &new_one, &new_two] {
        let mut reader = Socket::guest(&site.server).await;
        let position = reader.subscribe(channel).await;
        readers.push((reader, channel.clone(), position));
    }

    let ask = json!({ "action": "move", "from": "/blog/*", "to": "/notes/*" });
    let mut dry = ask.clone();
    dry["dry_run"] = json!(true);
    let planned = site.change(dry.clone()).await;
    assert_eq!(site.change(dry).await, planned, "a dry run changes nothing");
    assert_eq!(site.channel("/blog/one").await, one);
    let done = site.change(ask.clone()).await;
    assert_eq!((&done["steps"], done["dry_run"].as_bool()), (&planned["steps"], Some(false)), "the dry run equals the run");
    let acts: Vec<(&str, u64)> = done["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["act"].as_str().unwrap(), step["comments"].as_u64().unwrap()))
        .collect();
    let mut sorted = acts.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [("merge", 1), ("move", 1)]);
    assert_eq!(site.change(ask).await["steps"], json!([]), "nothing is left to move");

    // Readers hear that the thread is elsewhere, and by what name; who was not concerned hears nothing.
    let expected = [(0, &new_one), (1, &new_two), (3, &new_one), (4, &new_two)];
    for (index, home) in expected {
        let (reader, channel, position) = &mut readers[index];
        let told = heard(reader, "thread.reset").await;
        assert_eq!((told["data"]["channel"].as_str(), told.get("offset")), (Some(home.as_str()), None), "{index}");
        unsubscribed(reader, channel).await;
        // The library comes back with its position, and is told where the thread is.
        let again = json!({ "channel": channel, "recover": true, "epoch": position["epoch"], "offset": position["offset"] });
        let reply = reader.ask(json!({ "subscribe": again })).await;
        assert_ne!(reply["subscribe"]["recovered"], json!(true), "{reply}");
        let said = reply["subscribe"]["data"]["channel"].as_str().unwrap_or(channel);
        assert_eq!(said, home.as_str());
    }
    let page = site.read("/blog/two").await;
    assert_eq!((page["channel"].as_str(), bodies(&page)), (Some(new_two.as_str()), vec!["third", "second"]));
    assert_eq!(page["page"]["url"], "https://blog.example/notes/two");
    assert_eq!(site.read("/notes/one").await["page"]["url"], "https://blog.example/notes/one");

    // Whoever writes at the old address writes there, and both readers of it hear it.
    let (status, posted) = site.post("/blog/two", "fifth").await;
    assert_eq!((status, posted["comment"]["channel"].as_str()), (StatusCode::CREATED, Some(new_two.as_str())));
    for index in [1, 4] {
        let told = heard(&mut readers[index].0, "comment.created").await;
        assert_eq!(told["data"]["body"], "fifth");
    }
    let counts = site.get(&format!("/v1/counts?channel={two}&channel={new_two}&url={ORIGIN}/blog/two")).await;
    let counts: Vec<u64> =
        counts["counts"].as_object().unwrap().values().map(|count| count["comments"].as_u64().unwrap()).collect();
    assert_eq!(counts, [3, 3, 3]);
    assert_eq!(site.post("/about", "sixth").await.0, StatusCode::CREATED);
    let told = readers[2].0.push().await["pub"].clone();
    assert_eq!(told["data"]["body"], "sixth", "who read another page was not disturbed");
}

#[tokio::test]
async fn an_event_stream_goes_on_where_the_thread_went() {
    let site = Site::open("");
    site.post("/old", "first").await;
    let old = site.channel("/old").await;
    let mut stream = Stream::open(&site, &format!("/v1/channels/{old}/events")).await;
    stream.until("position").await;
    site.change(json!({ "action": "move", "from": "/old", "to": "/new" })).await;
    let told = stream.until("thread.reset").await;
    let new = told["data"]["channel"].as_str().unwrap().to_owned();
    assert_eq!(new, site.channel("/new").await);
    stream.until("gap").await;
    site.post("/new", "second").await;
    let told = stream.until("comment.created").await;
    assert_eq!((told["channel"].as_str(), told["data"]["body"].as_str()), (Some(new.as_str()), Some("second")));
}

#[tokio::test]
async fn pages_are_named_closed_and_given_other_names() {
    let site = Site::open("");
    site.post("/one", "first").await;
    let one = site.channel("/one").await;
    site.change(json!({ "action": "alias", "from": "https://blog.example/uno", "to": "/one" })).await;
    site.change(json!({ "action": "alias", "from": "id:post-1", "to": "/one" })).await;
    assert_eq!(site.channel("/uno").await, one);
    assert_eq!(site.get("/v1/channels/page/comments?id=post-1").await["channel"], json!(one));
    let (status, posted) = site.post("/uno", "second").await;
    assert_eq!((status, posted["comment"]["channel"].as_str()), (StatusCode::CREATED, Some(one.as_str())));

    let closed = site.change(json!({ "action": "close", "from": "/*" })).await;
    assert_eq!((&closed["steps"][0]["act"], &closed["steps"][0]["from"]["channel"]), (&json!("close"), &json!(one)));
    assert_eq!(site.post("/uno", "third").await.1["type"], "thread-closed");
    assert_eq!(site.change(json!({ "action": "close", "from": "/*" })).await["steps"], json!([]));
    site.change(json!({ "action": "open", "from": "/one" })).await;
    assert_eq!(site.post("/one", "third").await.0, StatusCode::CREATED);

    for (bad, code) in [
        (json!({ "action": "move", "from": "/nowhere", "to": "/else" }), "unknown-page"),
        (json!({ "action": "merge", "from": "/one", "to": "/nowhere" }), "unknown-page"),
        (json!({ "action": "merge", "from": "/one", "to": "/one" }), "bad-request"),
        (json!({ "action": "move", "from": "/one*", "to": "/two" }), "bad-request"),
        (json!({ "action": "move", "from": "/one", "to": "https://evil.example/" }), "page-foreign"),
        (json!({ "action": "drop", "from": "/one" }), "bad-request"),
    ] {
        let (_, answer) = site.pages(bad.clone()).await;
        assert_eq!(answer["type"], code, "{bad}: {answer}");
    }
    let stranger = site.client.post(site.server.url("/v1/pages")).json(&json!({ "action": "close", "from": "/*" }));
    assert_eq!(stranger.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_command_does_what_the_door_does() {
    let site = Site::open("");
    site.post("/blog/one", "first").await;
    let server = site.server.url("");
    let command = |words: &[&str]| {
        let options = [&["pages"], words, &["--server", &server, "--token", &site.key]].concat();
        let output = std::process::Command::new(binary()).args(&options).output().unwrap();
        assert!(output.status.success(), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let planned = command(&["move", "/blog/*", "/notes/*", "--dry-run"]);
    assert!(planned.contains("move") && planned.contains("https://blog.example/notes/one"), "{planned}");
    assert_eq!(site.read("/notes/one").await["total"], 0);
    assert_eq!(command(&["move", "/blog/*", "/notes/*"]), planned);
    assert_eq!(site.read("/notes/one").await["total"], 1);
    assert!(command(&["close", "/notes/one"]).contains("close"));
    assert!(command(&["alias", "/short", "/notes/one"]).contains("alias"));
    assert_eq!(site.read("/short").await["page"]["closed"], true);
}

#[tokio::test]
async fn what_is_invented_makes_nothing() {
    invented(200, 500).await;
}

/// So many invented addresses posted to and read, from one address: at most the limit becomes pages.
pub async fn invented(posts: usize, reads: usize) {
    let site = Site::open("proof-bits = 0\naddress-posts = \"1000000/1ms\"\nmember-posts = \"1000000/1ms\"");
    let mut shown = 0;
    for number in 0..posts {
        let (status, answer) = site.post(&format!("/invented/{number}"), "I was here").await;
        assert_eq!(status, StatusCode::CREATED);
        shown += usize::from(answer["comment"]["offset"].is_number());
    }
    assert!(shown <= 21, "{shown} pages in an hour, the limit is 20");
    for number in 0..10 {
        let url = format!("https://evil.example/{number}");
        let request = site.client.post(site.server.url(&named(&url)));
        let answer = request.json(&json!({ "body": "x", "page": { "url": url } })).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
    let made = site.rows();
    for number in 0..reads {
        let path = format!("/read/{number}");
        let page = site.read(&path).await;
        assert_eq!(page["total"], 0);
        if number % 50 == 0 {
            let channel = page["channel"].as_str().unwrap();
            site.get(&format!("/v1/channels/{channel}/events")).await;
            site.get(&format!("/v1/counts?channel={channel}")).await;
            Socket::guest(&site.server).await.subscribe(channel).await;
        }
    }
    assert_eq!(site.rows(), made, "reading, subscribing and counting make nothing");
}

impl Site {
    /// Channels in the store.
    fn rows(&self) -> u64 {
        let store = rusqlite::Connection::open(self.server.store()).unwrap();
        store.query_row("SELECT count(*) FROM channel", [], |row| row.get(0)).unwrap()
    }
}

/// A site's own pages, served at an address of this machine; counts what was asked of it.
async fn own_pages(
    pages: &'static [(&'static str, &'static str)],
) -> (std::net::SocketAddr, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = socket.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let page = pages.iter().find(|(at, _)| *at == path).map_or("HTTP/1.1 404 Not Found", |(_, page)| page);
            let _ = socket.write_all(page.as_bytes()).await;
        }
    });
    (address, asked)
}

#[tokio::test]
async fn a_page_is_called_what_it_calls_itself_once_it_was_read() {
    const HTML: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n";
    let pages: &'static [(&str, &str)] = Vec::leak(vec![
        ("/good", &*String::leak(format!("{HTML}<title>Its own &amp; true title</title>"))),
        ("/other", &*String::leak(format!("{HTML}<title>Another</title><link rel=canonical href=/good>"))),
        ("/away", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
        ("/last", &*String::leak(format!("{HTML}<title>Last</title>"))),
    ]);
    let (address, asked) = own_pages(pages).await;
    let origin = format!("http://{address}");
    let file = format!("origins = [\"{origin}\"]\nverify-pages = true\noutbound-allow = \"127.0.0.1\"");
    let server = Server::start(&[], &file);
    let client = Client::new();
    let post = async |path: &str| {
        let url = format!("{origin}{path}");
        let draft = json!({ "body": "x", "page": { "url": url, "title": "what a stranger says" } });
        let answer = client.post(server.url(&named(&url))).json(&draft).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json::<Value>().await.unwrap()["comment"]["channel"].as_str().unwrap().to_owned()
    };
    let title = async |path: &str| {
        let page: Value = client.get(server.url(&named(&format!("{origin}{path}")))).send().await.unwrap().json().await.unwrap();
        page["page"]["title"].as_str().unwrap().to_owned()
    };
    // A reader hears of the new title.
    let mut reader = Socket::guest(&server).await;
    let url = format!("{origin}/good");
    let page: Value = client.get(server.url(&named(&url))).send().await.unwrap().json().await.unwrap();
    reader.subscribe(page["channel"].as_str().unwrap()).await;
    post("/good").await;
    assert_eq!(heard(&mut reader, "thread.updated").await["data"]["title"], "Its own & true title");
    for path in ["/other", "/away", "/nowhere"] {
        post(path).await;
    }
    // They are read in the order in which they came, four at a time: when the last is there, the others were asked.
    let url = format!("{origin}/last");
    let page: Value = client.get(server.url(&named(&url))).send().await.unwrap().json().await.unwrap();
    reader.subscribe(page["channel"].as_str().unwrap()).await;
    post("/last").await;
    assert_eq!(heard(&mut reader, "thread.updated").await["data"]["title"], "Last");
    while asked.load(std::sync::atomic::Ordering::SeqCst) < 5 {
        tokio::task::yield_now().await;
    }
    for path in ["/other", "/away", "/nowhere"] {
        assert_eq!(title(path).await, "what a stranger says", "{path}");
    }
}

#[tokio::test]
async fn without_leave_no_page_inside_is_read() {
    let (address, asked) = own_pages(&[]).await;
    let origin = format!("http://{address}");
    let server = Server::start(&[], &format!("origins = [\"{origin}\"]\nverify-pages = true"));
    let url = format!("{origin}/inside");
    let draft = json!({ "body": "x", "page": { "url": url, "title": "t" } });
    for _ in 0..3 {
        let answer = Client::new().post(server.url(&named(&url))).json(&draft).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
    }
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
#[ignore = "for cargo xtask long"]
async fn long_ten_thousand_invented_addresses_and_a_hundred_thousand_reads() {
    invented(10_000, 100_000).await;
    println!(
        "10,000 invented addresses of one origin made at most 21 pages shown; ten of a foreign one and 100,000 reads made none."
    );
}

//! Letters with a link: an SMTP server as small as it can be, and what a link is good for.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::{Browser, OWN, PAGE, attribute, flow, page, token};
use crate::server::{PATIENCE, Server};

/// An SMTP server (RFC 5321), as small as it can be: keeps the letters it is given.
pub async fn smtp() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let letters: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = letters.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = kept.clone();
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                stream.write_all(b"220 here\r\n").await.unwrap();
                let (mut letter, mut is_data) = (String::new(), false);
                let mut line = String::new();
                while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
                    let answer: &[u8] = match line.trim_end() {
                        "." if is_data => {
                            kept.lock().push(std::mem::take(&mut letter));
                            is_data = false;
                            b"250 kept\r\n"
                        }
                        text if is_data => {
                            letter.push_str(text);
                            letter.push('\n');
                            b""
                        }
                        "DATA" => {
                            is_data = true;
                            b"354 go on\r\n"
                        }
                        "QUIT" => b"221 bye\r\n",
                        _ => b"250 ok\r\n",
                    };
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
    });
    (port, letters)
}

#[tokio::test]
async fn a_letter_with_a_link_signs_in_the_browser_that_asked_and_once() {
    let (port, letters) = smtp().await;
    let file = format!(
        "public-url = \"{OWN}\"\norigins = [\"{PAGE}\"]\nchats = [\"lobby\"]\nsignin-mail = true\n\
         mail-server = \"smtp://127.0.0.1:{port}\"\nmail-from = \"Talk <talk@example.net>\"\n"
    );
    let server = Server::start(&[], &file);
    let page = page("one");
    let mut browser = Browser::new(&server);
    let start = browser.start(&page).await;
    for bad in ["", "ada", "ada@example.org, eve@example.org", "ada@example.org\r\nBcc: eve@example.org", "\"a\"@example.org"] {
        assert_eq!(browser.post("/auth/mail", &[("flow", &flow(&start)), ("email", bad)]).await.status, 422, "{bad:?}");
    }
    let wait = browser.post("/auth/mail", &[("flow", &flow(&start)), ("email", "Ada@Example.org")]).await;
    assert_eq!(wait.status, 200, "{wait:?}");
    assert_eq!(browser.post("/auth/waiting", &[("flow", &flow(&wait))]).await.json()["ready"], false);
    let until = std::time::Instant::now() + PATIENCE;
    while letters.lock().is_empty() {
        assert!(std::time::Instant::now() < until, "no letter came");
        tokio::task::yield_now().await;
    }
    let letter = letters.lock()[0].replace("=\n", "").replace("=3D", "=");
    assert!(letter.contains("To: ada@example.org") && letter.contains(PAGE), "{letter}");
    assert!(letter.to_ascii_lowercase().contains("content-type: text/plain") && !letter.contains("<a "));
    let ticket = letter.split("/auth/link#").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let mut scanner = Browser::new(&server);
    assert_eq!(scanner.get("/auth/link").await.status, 200, "a scanner uses nothing up");
    scanner.start(&page).await;
    assert_eq!(scanner.post("/auth/link", &[("ticket", &ticket)]).await.status, 403, "another browser");
    assert_eq!(browser.post("/auth/link", &[("ticket", &format!("{ticket}x"))]).await.status, 400);
    assert_eq!(browser.post("/auth/link", &[("ticket", &ticket)]).await.status, 200);
    assert_eq!(browser.post("/auth/link", &[("ticket", &ticket)]).await.status, 400, "once");
    assert_eq!(browser.post("/auth/waiting", &[("flow", &flow(&wait))]).await.json()["ready"], true);
    let confirm = browser.post("/auth/confirm", &[("flow", &flow(&wait))]).await;
    assert!(confirm.text.contains("Continue as ada@example.org"));
    let done = browser.post("/auth/continue", &[("flow", &flow(&confirm))]).await;
    let answer = token(&browser.http, PAGE, json!({ "secret": page.secret, "code": attribute(&done, "data-code") })).await.json();
    assert_eq!((answer["member"]["name"].as_str(), answer["member"]["verified"].as_bool()), (Some(""), Some(true)));
    for _ in 0..2 {
        browser.post("/auth/mail", &[("flow", &flow(&start)), ("email", "ada@example.org")]).await;
    }
    let more = browser.post("/auth/mail", &[("flow", &flow(&start)), ("email", "ada@example.org")]).await;
    assert_eq!(more.status, 429, "nobody is buried in letters");
}

#[tokio::test]
async fn a_letter_waits_in_the_store_until_there_is_a_server_for_it() {
    let (port, letters) = smtp().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let file = |port: u16| {
        format!(
            "public-url = \"{OWN}\"\norigins = [\"{PAGE}\"]\nsignin-mail = true\nmail-server = \"smtp://127.0.0.1:{port}\"\n\
             mail-from = \"talk@example.net\"\n"
        )
    };
    let mut server = Server::start(&[], &file(free));
    let mut browser = Browser::new(&server);
    let start = browser.start(&page("one")).await;
    assert_eq!(browser.post("/auth/mail", &[("flow", &flow(&start)), ("email", "ada@example.org")]).await.status, 200);
    server.kill();
    std::fs::write(server.store().with_file_name("parlour.toml"), file(port)).unwrap();
    // What the process before carried when it was killed is another's only after a while; here it is put back by hand.
    let connection = rusqlite::Connection::open(server.store()).unwrap();
    connection.execute("UPDATE shelf SET name = 'mail/000000000000001/x' WHERE name LIKE 'mail/%'", []).unwrap();
    drop(connection);
    server.start_again();
    let until = std::time::Instant::now() + PATIENCE;
    while letters.lock().is_empty() {
        assert!(std::time::Instant::now() < until, "the letter was lost");
        tokio::task::yield_now().await;
    }
}

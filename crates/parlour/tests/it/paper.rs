//! Threads as documents and feeds, as programs that are not ours read them: a validator of HTML, a reader of feeds.

use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::pages::Site;
use crate::script::{can_run, clients, missing};

const DOCUMENT_BYTES_MAX: usize = 300_000;

/// What people try, as cases.
fn hostile() -> Vec<String> {
    serde_json::from_str(include_str!("../../../../cases/hostile.json")).unwrap()
}

impl Site {
    /// A comment by the key, which no limit holds back.
    async fn write(&self, path: &str, body: &str, parent: Option<&str>, name: &str) -> Value {
        let url = format!("https://blog.example{path}");
        let draft = json!({ "body": body, "parent": parent, "author": { "name": name }, "page": { "url": url, "title": name } });
        let request = self.client.post(self.server.url(&crate::pages::named(&url))).bearer_auth(&self.key).json(&draft);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{body:?} {name:?}: {answer}");
        answer["comment"].clone()
    }

    async fn text(&self, path: &str) -> (reqwest::header::HeaderMap, String) {
        let answer = self.client.get(self.server.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        (answer.headers().clone(), answer.text().await.unwrap())
    }

    /// All documents of a thread, by their links, each no larger than may be and with strict headers.
    async fn documents(&self, channel: &str) -> Vec<String> {
        let mut documents = Vec::new();
        let mut next = Some(format!("/v1/channels/{channel}/comments.html"));
        while let Some(path) = next.take() {
            let (headers, text) = self.text(&path).await;
            assert!(text.len() <= DOCUMENT_BYTES_MAX, "{} bytes", text.len());
            assert_eq!(headers["content-type"], "text/html; charset=utf-8");
            assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
            assert_eq!(headers["x-content-type-options"], "nosniff");
            next = between(&text, "<link rel=\"next\" href=\"", "\"").map(|link| link.replace("&amp;", "&"));
            documents.push(text);
            assert!(documents.len() < 5_000, "no end of it");
        }
        documents
    }
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    text.split_once(begin).and_then(|(_, rest)| rest.split_once(end)).map(|(inside, _)| inside)
}

fn validate(directory: &Path, documents: &[String]) {
    if !can_run() || (!clients().join("node_modules/html-validate").exists() && !missing("html-validate")) {
        return;
    }
    let files: Vec<PathBuf> = (0..documents.len()).map(|number| directory.join(format!("{number}.html"))).collect();
    for (file, document) in files.iter().zip(documents) {
        std::fs::write(file, document).unwrap();
    }
    let output = Command::new("node").arg(clients().join("html.mjs")).args(&files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}\n{}",
        said.lines().take(30).collect::<Vec<_>>().join("\n"),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What `feedparser` makes of a feed; `None` where it is missing.
fn parsed(directory: &Path, feed: &str) -> Option<Value> {
    let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("feeds");
    let script = "import feedparser, json, sys\n\
        feed = feedparser.parse(open(sys.argv[1], 'rb').read(), sanitize_html=False)\n\
        print(json.dumps({'bozo': bool(feed.bozo), 'version': feed.version, 'title': feed.feed.title,\n\
        'entries': [{'id': e.id, 'title': e.title, 'author': e.author, 'content': e.content[0].value, 'link': e.get('link')} for e in feed.entries]}))";
    let file = directory.join("feed.atom");
    std::fs::write(&file, feed).unwrap();
    let output = Command::new("python3").arg("-c").arg(script).arg(&file).env("PYTHONPATH", &packages).output();
    match output {
        Ok(output) if output.status.success() => Some(serde_json::from_slice(&output.stdout).unwrap()),
        Ok(output) if !packages.join("feedparser").exists() => {
            missing("feedparser");
            drop(output);
            None
        }
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => {
            missing("python3");
            None
        }
    }
}

#[tokio::test]
async fn a_thread_is_read_whole_without_script_in_documents_of_a_bounded_size() {
    thread_of(130, 3, 6_000).await;
}

/// The numbers that stand between these words, sorted, as often as they do. One pass: a search for each would take hours for many.
fn numbers(text: &str, before: &str, after: &str) -> Vec<usize> {
    let numbers = text.split(before).skip(1).filter_map(|rest| rest.split_once(after)?.0.parse().ok());
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    numbers
}

/// So many roots with answers, some of them long: every root once, in documents that are valid.
/// Gives the bytes of each.
async fn thread_of(roots: usize, answers: usize, long: usize) -> Vec<usize> {
    let site = Site::open("");
    let mut channel = String::new();
    for number in 0..roots {
        let size = if number % 3 == 0 { long } else { 20 };
        let root = site.write("/long", &format!("root {number} {}", "word ".repeat(size / 5)), None, "Ada").await;
        channel = root["channel"].as_str().unwrap().to_owned();
        let mut parent = root["id"].as_str().unwrap().to_owned();
        for answer in 0..answers {
            let answer = site.write("/long", &format!("answer {answer} of {number}"), Some(&parent), "Bob <b>").await;
            parent = answer["id"].as_str().unwrap().to_owned();
        }
    }
    let documents = site.documents(&channel).await;
    assert!(documents.len() > 1);
    let all = documents.concat();
    let each_once: Vec<usize> = (0..roots).collect();
    assert_eq!(numbers(&all, "root ", " "), each_once);
    assert_eq!(numbers(&all, &format!("answer {} of ", answers - 1), "<"), each_once);
    assert!(documents[0].contains("<link rel=\"canonical\" href=\"https://blog.example/long\">"));
    // The fragment says where it stands, so that whoever takes it over hears what comes next.
    let (headers, fragment) = site.text("/v1/channels/page/comments.html?fragment&url=https%3A%2F%2Fblog.example%2Flong").await;
    assert!(!fragment.contains("<html") && headers.contains_key("etag"));
    let position = between(&fragment, "data-parlour-position=\"", "\"").unwrap();
    assert_eq!(between(&fragment, "data-parlour-channel=\"", "\""), Some(channel.as_str()));
    assert_eq!(site.read("/long").await["position"], position);
    let directory = tempfile::tempdir().unwrap();
    let sample: Vec<String> = documents.iter().take(20).cloned().chain([fragment]).collect();
    validate(directory.path(), &sample);
    documents.iter().map(String::len).collect()
}

#[tokio::test]
async fn hostile_words_in_every_field_leave_documents_valid_and_feeds_whole() {
    let site = Site::open("");
    let hostile = hostile();
    assert!(hostile.len() >= 200);
    let mut channel = String::new();
    let mut kept = 0;
    for (number, text) in hostile.iter().enumerate() {
        let name: String = text.chars().take(60).collect();
        let body = format!("{text}\n\nend of {number}");
        let comment = site.write("/hostile", &body, None, name.trim()).await;
        channel = comment["channel"].as_str().unwrap().to_owned();
        kept += 1;
        if number % 10 == 0 {
            // As the title of a page of its own, which the feed of the site tells too.
            site.write(&format!("/hostile/{number}"), text, None, name.trim()).await;
        }
    }
    let documents = site.documents(&channel).await;
    assert_eq!(documents.concat().matches("<article ").count(), kept);
    let directory = tempfile::tempdir().unwrap();
    validate(directory.path(), &documents);
    for path in [format!("/v1/channels/{channel}/comments.atom"), "/v1/sites/default/comments.atom".to_owned()] {
        let (headers, feed) = site.text(&path).await;
        assert_eq!(headers["content-type"], "application/atom+xml; charset=utf-8");
        let Some(parsed) = parsed(directory.path(), &feed) else { return };
        assert_eq!((&parsed["bozo"], &parsed["version"]), (&json!(false), &json!("atom10")), "{parsed}");
        let entries = parsed["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 50);
        for entry in entries {
            assert!(entry["link"].as_str().unwrap().starts_with("https://blog.example/hostile"), "{entry}");
        }
    }
}

#[tokio::test]
async fn what_is_withdrawn_or_held_is_in_no_document_and_no_feed() {
    let site = Site::open("address-pages = 1\n[site.other]\norigins = [\"https://other.example\"]");
    let gone = site.write("/p", "secret one", None, "Ada").await;
    site.write("/p", "public one", None, "Ada").await;
    site.post("/held/1", "first page").await;
    site.post("/held/2", "secret two").await;
    let id = gone["id"].as_str().unwrap();
    let delete = site.client.delete(site.server.url(&format!("/v1/comments/{id}"))).bearer_auth(&site.key);
    assert_eq!(delete.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let (held, channel) = (site.channel("/held/2").await, site.channel("/p").await);
    for path in [
        format!("/v1/channels/{channel}/comments.html"),
        format!("/v1/channels/{channel}/comments.atom"),
        format!("/v1/channels/{held}/comments.html"),
        format!("/v1/channels/{held}/comments.atom"),
        "/v1/sites/default/comments.atom".to_owned(),
        "/v1/sites/other/comments.atom".to_owned(),
    ] {
        let request = site.client.get(site.server.url(&path)).bearer_auth(&site.key);
        let text = request.send().await.unwrap().text().await.unwrap();
        assert!(!text.contains("secret"), "{path}: {text}");
        assert_eq!(text.contains("public one"), path.contains(&channel) || path.contains("sites/default"), "{path}");
    }
    for path in ["/v1/channels/$private/comments.html", "/v1/channels/$private/comments.atom"] {
        let request = site.client.get(site.server.url(path)).bearer_auth(&site.key);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "what is not public is no paper");
    }
    let unknown = site.client.get(site.server.url("/v1/sites/nowhere/comments.atom")).send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
#[ignore = "for cargo xtask long"]
async fn long_a_hundred_thousand_comments_are_documents_of_a_bounded_size() {
    let sizes = thread_of(25_000, 3, 500).await;
    let largest = sizes.iter().max().unwrap();
    println!(
        "100,000 comments: every root and every deepest answer once in {} documents, of which the largest has {largest} bytes.",
        sizes.len()
    );
}

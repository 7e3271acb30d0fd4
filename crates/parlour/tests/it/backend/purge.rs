//! What is true of SQLite alone where text is withdrawn: the bytes of its files; and what is made up for at the opening.

use std::path::Path;

use parlour::backend::lanes;
use parlour::render;
use parlour::sqlite::{self, Options};
use tempfile::TempDir;

use super::*;

fn open(path: &Path, purge_ms: i64) -> Given {
    let mut options = Options::new(path);
    options.sweep_ms = 10;
    options.purge_ms = purge_ms;
    options.sync = false;
    let (lanes, mut ends) = lanes(1);
    Given { backend: sqlite::open(options, lanes).unwrap(), deliveries: ends.remove(0), _held: Box::new(()) }
}

/// Enough for several pages of every table; few enough to look for each word again and again.
const COMMENTS: usize = 60;

/// All files of the store as one text in lower case, since an index of words knows no capitals.
fn bytes(path: &Path) -> String {
    let mut all = Vec::new();
    for ending in ["", "-wal"] {
        all.extend(std::fs::read(format!("{}{ending}", path.display())).unwrap());
    }
    String::from_utf8_lossy(&all).to_lowercase()
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_text_is_nowhere_in_the_files_after_the_purge() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let given = open(&path, 0);
    let key = key("page:0123");
    // Long and short ones, so that some lie on pages of their own and others beside one another.
    let marked = |number: usize, mark: &str| format!("{mark}{number}x {}", "lorem ".repeat(number % 9 * 150));
    for number in 0..COMMENTS {
        let new = NewComment {
            body: marked(number, "made"),
            html: format!("<p>{}</p>", marked(number, "made")),
            author: Author { name: format!("name{number}x"), ..author(&format!("member{number}x")) },
            email_key: Some(format!("mail{number}x")),
            ..comment(&format!("c{number}"), None)
        };
        given.post(&key, new).await;
        given.append(&key, Append::Reaction(Box::new(reaction(&format!("c{number}"), &format!("fan{number}x"))))).await.unwrap();
    }
    assert!((0..COMMENTS).all(|number| bytes(&path).contains(&format!("made{number}x"))), "the test looks at the right bytes");
    let (mut gone, mut stays) = (Vec::new(), Vec::new());
    for number in 0..COMMENTS {
        let id = format!("c{number}");
        let all = ["made", "name", "member", "mail", "fan"].map(|mark| format!("{mark}{number}x"));
        match number % 4 {
            0 => {
                given.edit(&key, &id, &marked(number, "edit")).await.unwrap();
                given.edit(&key, &id, &marked(number, "last")).await.unwrap();
                gone.extend([format!("made{number}x"), format!("edit{number}x")]);
                stays.push(format!("last{number}x"));
            }
            1 => {
                given.delete(&key, &id).await.unwrap();
                gone.extend(all);
            }
            2 => {
                let state = if number % 8 == 2 { State::Spam } else { State::Pending };
                given.append(&key, Append::State { id: id_of(&id), state, reason: None, time_ms: 9_000 }).await.unwrap();
                gone.extend(all);
            }
            _ => stays.extend(all),
        }
    }
    let left = || {
        let bytes = bytes(&path);
        let left: Vec<&String> = gone.iter().filter(|mark| bytes.contains(mark.as_str())).collect();
        format!("{} of {}, such as {:?}", left.len(), gone.len(), left.iter().take(5).collect::<Vec<_>>())
    };
    let clean = format!("0 of {}, such as []", gone.len());
    let waited = async {
        while left() != clean {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waited).await.is_ok(), "left in the files: {}", left());
    let bytes = bytes(&path);
    assert!(stays.iter().all(|mark| bytes.contains(mark.as_str())), "what was not withdrawn is there");
    let page = given.list(&key, Query { moderator: true, ..flat(100) }).await;
    assert_eq!(page.total, COMMENTS as u64 / 2);
}

#[tokio::test]
async fn what_is_taken_back_stays_until_its_time_has_come() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let given = open(&path, 60_000);
    let key = key("page:0123");
    for id in ["c1", "c2", "c3"] {
        given.post(&key, comment(id, None)).await;
    }
    let spam = |id: &str, time_ms| Append::State { id: id_of(id), state: State::Spam, reason: None, time_ms };
    given.append(&key, spam("c1", now_ms() - 59_000)).await.unwrap();
    given.append(&key, spam("c2", now_ms() - 61_000)).await.unwrap();
    given.backend.store.close().await;
    let given = open(&path, 60_000);
    until("c2 was not purged", async || {
        let seen = given.list(&key, Query { moderator: true, ..flat(10) }).await;
        seen.comments.len() == 2
    })
    .await;
    let seen = given.list(&key, Query { moderator: true, ..flat(10) }).await;
    assert_eq!(ids(&seen.comments), ["c3", "c1"]);
    assert_eq!(seen.comments[1].body, "body of c1");
}

#[tokio::test]
async fn what_an_older_renderer_made_is_shown_and_written_anew() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let key = key("page:0123");
    let given = open(&path, 60_000);
    given.post(&key, NewComment { body: "*old*".into(), html: "<i>old</i>".into(), rendered_by: 0, ..comment("c1", None) }).await;
    given.post(&key, comment("c2", None)).await;
    given.delete(&key, "c2").await.unwrap();
    // Nobody waits for the rows to be written: every door has the new HTML already.
    assert_eq!(given.list(&key, flat(10)).await.comments[0].html, "<p><em>old</em></p>");
    assert_eq!(given.recovered(&key, 0).await[0].2["html"], "<p><em>old</em></p>");
    given.backend.store.close().await;
    rusqlite::Connection::open(&path).unwrap().execute("DELETE FROM meta WHERE name = 'renderer'", []).unwrap();
    let _given = open(&path, 60_000);
    let beside = rusqlite::Connection::open(&path).unwrap();
    let row = || -> (String, u32) {
        let sql = "SELECT html, rendered_by FROM comment WHERE id = 'c1'";
        beside.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    until("the row was not written anew", async || row() == ("<p><em>old</em></p>".to_owned(), render::VERSION)).await;
}

#[tokio::test]
async fn reactions_that_a_killed_process_did_not_tell_are_recovered() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let key = key("page:0123");
    let given = open(&path, 60_000);
    given.post(&key, comment("c1", None)).await;
    for member in ["a", "b", "c"] {
        given.append(&key, Append::Reaction(Box::new(reaction("c1", member)))).await.unwrap();
    }
    let top = given.backend.log.top(&key).await.unwrap();
    given.backend.store.close().await;
    let given = open(&path, 60_000);
    let told = given.recovered(&key, top.offset).await;
    assert_eq!((told.len(), &told[0].2["reactions"]["up"]), (1, &3.into()));
}

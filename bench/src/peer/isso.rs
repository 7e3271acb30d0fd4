//! Isso, a comment server on Python with SQLite, served by gunicorn as its documentation recommends. Known to the scenarios of comments alone.

use std::process::Command;

use super::{CommentRequest, Peer, Place, first_line, http_request, rival_file};
use crate::fault::{Fault, Outcome};

pub struct Isso;

impl Peer for Isso {
    fn name(&self) -> &str {
        "isso"
    }

    fn version(&self, place: &Place) -> String {
        let python = place.rivals.join("isso/.venv/bin/python");
        let version = first_line(
            Command::new(python)
                .args(["-c", "import importlib.metadata as m; print(m.version('isso'), 'on gunicorn', m.version('gunicorn'))"]),
        );
        format!("Isso {version}, 4 workers")
    }

    fn command(&self, place: &Place) -> Outcome<Command> {
        let python = rival_file(place, "isso/.venv/bin/python")?;
        let configuration = place.scratch.join("isso.cfg");
        let text = std::fs::read_to_string(rival_file(place, "isso/isso.cfg")?)?;
        let database = place.scratch.join("isso.db");
        std::fs::write(&configuration, text.replace("DATABASE", &database.display().to_string()))?;
        let mut command = Command::new(python);
        command.args([
            "-m",
            "gunicorn",
            "--workers",
            "4",
            "--preload",
            "--bind",
            &format!("127.0.0.1:{}", place.port),
            "isso.run",
        ]);
        command.env("ISSO_SETTINGS", configuration);
        Ok(command)
    }

    fn fill(&self, place: &Place, comments: usize) -> Option<Outcome<Command>> {
        let files =
            rival_file(place, "isso/.venv/bin/python").and_then(|python| Ok((python, rival_file(place, "isso/fill.py")?)));
        Some(files.map(|(python, script)| {
            let mut command = Command::new(python);
            command.arg(script).arg(place.scratch.join("isso.db")).arg(comments.to_string());
            command
        }))
    }

    fn path(&self, _channel: &str) -> String {
        "/".into()
    }

    fn publish(&self, _channel: &str, _payload: &[u8], _sequence: u64, _out: &mut Vec<u8>) {}

    fn pushes(&self) -> bool {
        false
    }

    fn comments(&self, ask: &CommentRequest) -> Outcome<Vec<u8>> {
        Ok(match ask {
            CommentRequest::Post { text, .. } => {
                let body = serde_json::json!({"text": text, "title": "bench", "author": null, "parent": null}).to_string();
                http_request("POST", "/new?uri=%2Fbench%2F", None, &body)
            }
            CommentRequest::Page { before: None, limit } => {
                http_request("GET", &format!("/?uri=%2Fbench%2F&limit={limit}"), None, "")
            }
            CommentRequest::Page { before: Some(cursor), limit } => {
                http_request("GET", &format!("/?uri=%2Fbench%2F&limit={limit}&after={cursor}"), None, "")
            }
        })
    }

    /// Isso pages by the time of the last comment seen.
    fn next_page(&self, body: &[u8]) -> Outcome<Option<String>> {
        let page: serde_json::Value = serde_json::from_slice(body).map_err(|error| Fault(error.to_string()))?;
        let last = page["replies"].as_array().and_then(|replies| replies.last());
        Ok(last.and_then(|comment| comment["created"].as_f64()).map(|created| created.to_string()))
    }
}

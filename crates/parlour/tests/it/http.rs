//! An HTTP client that is not ours, and what every answer of the server is asked: the shape of a refusal (RFC 9457) above all.
//! Relies on `reqwest`; what no proper client would send is `raw`'s.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;

use crate::server::{PATIENCE, Server};

/// A client of one server.
pub struct Http {
    client: reqwest::Client,
    base: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Http {
    /// Every request has a connection of its own: one that is kept may be closed by the server just when it is used again.
    pub fn of(server: &Server) -> Http {
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().pool_max_idle_per_host(0).build().unwrap();
        Http { client, base: server.url("") }
    }

    /// A request with these header fields and this body; `Err` where no answer came.
    pub async fn attempt(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_empty() {
            request = request.body(body.to_owned());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, text: response.text().await? })
    }

    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.attempt(method, path, headers, body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    /// `GET` with header fields.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, path, headers, "").await
    }

    /// `GET` with a token or key.
    pub async fn get_as(&self, bearer: &str, path: &str) -> Answer {
        self.ask(Method::GET, path, &[("authorization", &format!("Bearer {bearer}"))], "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, &[("content-type", "application/json")], &body.to_string()).await
    }

    /// `POST` of JSON with a token or key.
    pub async fn post_as(&self, bearer: &str, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json"), ("authorization", &*format!("Bearer {bearer}"))];
        self.ask(Method::POST, path, &headers, &body.to_string()).await
    }
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// A header field as text; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a refusal in the shape of RFC 9457; its status and type.
    #[track_caller]
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header(CONTENT_TYPE.as_str()), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{self:?}");
        assert!(problem.get("detail").is_none_or(Value::is_string), "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        (self.status, problem["type"].as_str().unwrap().to_owned())
    }
}

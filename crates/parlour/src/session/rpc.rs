//! The methods of `rpc` (CONTRACT §4): the same as over HTTP, with the parameters and results of CONTRACT §3.

use parlour_wire::code::Code;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;

use crate::comment::Draft;
use crate::node::{Asker, Node, Publishing};
use crate::page::Page;
use crate::shape;

#[derive(Deserialize)]
struct Create {
    channel: String,
    page: Option<Page>,
    #[serde(flatten)]
    draft: Draft,
}

#[derive(Deserialize)]
struct Edit {
    id: String,
    #[serde(flatten)]
    change: shape::Changed,
}

#[derive(Deserialize)]
struct React {
    id: String,
    /// The reaction's.
    name: String,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct List {
    channel: String,
    #[serde(flatten)]
    query: shape::ListQuery,
}

#[derive(Deserialize)]
struct Asked {
    channel: String,
}

#[derive(Deserialize)]
struct Preview {
    body: String,
}

#[derive(Deserialize)]
struct Typing {
    channel: String,
    name: Option<String>,
    parent: Option<String>,
}

#[derive(Deserialize)]
struct Publish {
    channel: String,
    data: Box<RawValue>,
    nonce: Option<String>,
    store: Option<bool>,
}

fn read<T: DeserializeOwned>(data: &str) -> Result<T, Code> {
    // Checked by hand because a derived struct would take an array of its fields as well.
    if !data.starts_with('{') {
        return Err(Code::BadRequest);
    }
    serde_json::from_str(data).map_err(|_| Code::BadRequest)
}

/// Calls a method; the result as JSON text.
pub(super) async fn call(node: &Node, asker: &Asker, method: &str, data: &str) -> Result<String, Code> {
    match method {
        "comment.create" => {
            let create: Create = read(data)?;
            let posted = node.post(asker, &node.key(asker, &create.channel)?, create.draft, create.page).await?;
            Ok(shape::comment(&posted.comment, posted.token.as_deref()).to_string())
        }
        "comment.edit" => {
            let edit: Edit = read(data)?;
            let comment = node.change(asker, &edit.id, edit.change.checked()?).await?;
            Ok(shape::comment(&comment, None).to_string())
        }
        "comment.react" | "comment.unreact" => {
            let react: React = read(data)?;
            let reacted = node.react(asker, &react.id, &react.name, method == "comment.react").await?;
            Ok(shape::comment(&reacted.comment, reacted.token.as_deref()).to_string())
        }
        "comment.delete" => {
            let named: Named = read(data)?;
            node.delete(asker, &named.id).await?;
            Ok("{}".into())
        }
        "comment.list" => {
            let list: List = read(data)?;
            let key = node.home(&node.key(asker, &list.channel)?).await?;
            let page = node.comments(asker, &key, list.query.checked()?).await?;
            Ok(shape::comment_page(&key, &page).to_string())
        }
        "comment.challenge" => {
            let asked: Asked = read(data)?;
            let challenge = node.challenge(asker, &node.key(asker, &asked.channel)?).await?;
            Ok(json!({ "challenge": challenge }).to_string())
        }
        "comment.report" => {
            let named: Named = read(data)?;
            node.report(asker, &named.id).await?;
            Ok("{}".into())
        }
        "comment.preview" => {
            let preview: Preview = read(data)?;
            Ok(json!({ "html": node.preview(asker, &preview.body)? }).to_string())
        }
        "typing" => {
            let typing: Typing = read(data)?;
            let key = node.key(asker, &typing.channel)?;
            node.typing(asker, &key, typing.name.as_deref(), typing.parent.as_deref()).await?;
            Ok("{}".into())
        }
        "publish" => {
            let publish: Publish = read(data)?;
            let key = node.key(asker, &publish.channel)?;
            let store = publish.store.unwrap_or(true);
            let publishing = Publishing { data: publish.data.get(), nonce: publish.nonce.as_deref(), store };
            Ok(shape::position(node.publish(asker, &key, publishing).await?.as_ref()).to_string())
        }
        _ => Err(Code::MethodNotFound),
    }
}

//! What browsers are given: the loader, its parts, and the demo page. Built from `web/` into `dist/`, which lies in the
//! repository, and compiled in, each also as brotli makes it (`NAME.br`); nothing is read from a disk at run time.

use std::borrow::Cow;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};
use parlour_wire::code::Code;
use rust_embed::RustEmbed;

use crate::api::{Api, Text, lasting, tagged};
use crate::door::Problem;

/// Everything that was built. A folder that is not there fails the build.
#[derive(RustEmbed)]
#[folder = "dist/"]
struct Dist;

/// What the demo page may do: run and style itself from this server alone, and talk to it.
const DEMO_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// What the admin page may do: the same, and HTML becomes nodes in one place alone.
const ADMIN_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types parlour";
/// The loader names the parts, so a new version of the server is seen at most so much later.
const LOADER_CACHE: &str = "public, max-age=300";
/// A part's name changes with its content.
const PART_CACHE: &str = "public, max-age=31536000, immutable";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
/// Pages that isolate themselves (COEP) may load it too.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// `GET /`: the demo page in demo mode, else a line of text.
pub async fn home(State(api): State<Api>, headers: HeaderMap) -> Response {
    if !api.node.book.now().demo {
        return concat!("Parlour ", env!("CARGO_PKG_VERSION"), ": the interface is described at /openapi.json\n").into_response();
    }
    page(&headers, "demo.html")
}

/// `GET /showcase`, in demo mode: every element in every state.
pub async fn showcase(State(api): State<Api>, headers: HeaderMap) -> Response {
    if !api.node.book.now().demo {
        return Problem::from(Code::MethodNotFound).into_response();
    }
    page(&headers, "showcase.html")
}

/// A page of this server's own, under its policy.
fn page(headers: &HeaderMap, name: &str) -> Response {
    let Some(page) = built(name) else { return Problem::from(Code::Internal).into_response() };
    let mut response = tagged(headers, "text/html; charset=utf-8", page, "no-cache");
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(DEMO_POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

/// `GET /admin`: the moderators' page. Whoever has no token sees a field for one.
pub async fn admin(headers: HeaderMap) -> Response {
    let Some(page) = built("admin.html") else { return Problem::from(Code::Internal).into_response() };
    let mut response = tagged(&headers, "text/html; charset=utf-8", page, "no-cache");
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(ADMIN_POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}

/// `GET /embed.js`: the loader.
pub async fn loader(headers: HeaderMap) -> Response {
    let Some(script) = built("embed.js") else { return Problem::from(Code::Internal).into_response() };
    let mut response = tagged(&headers, SCRIPT, script, LOADER_CACHE);
    response.headers_mut().insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

/// `GET /embed/NAME-HASH.ext`: a part that never changes.
pub async fn part(name: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    let found = name.ok().and_then(|Path(name)| Some((content_type(&name)?, built(&name)?, name)));
    let Some((content_type, text, name)) = found else { return Problem::from(Code::MethodNotFound).into_response() };
    let mut response = lasting(&headers, &name, text);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(PART_CACHE));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

/// The content type of a part; `None` for what is not one, such as the demo page.
fn content_type(name: &str) -> Option<&'static str> {
    let (stem, extension) = name.rsplit_once('.')?;
    stem.rsplit_once('-')?;
    match extension {
        "js" => Some(SCRIPT),
        "css" => Some(STYLE),
        _ => None,
    }
}

/// What was built under this name.
fn built(name: &str) -> Option<Text> {
    Some(Text { plain: bytes(name)?, brotli: bytes(&format!("{name}.br")) })
}

/// A file's bytes, which are the program's own and not copied.
fn bytes(name: &str) -> Option<Bytes> {
    Some(match Dist::get(name)?.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::path::{Path, PathBuf};

    fn text(name: &str) -> String {
        String::from_utf8(bytes(name).unwrap().to_vec()).unwrap()
    }

    /// Everything below `folder`, by its path relative to `root`.
    fn below(root: &Path, folder: &Path, paths: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                below(root, &path, paths);
            } else {
                paths.push(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }

    #[test]
    fn what_browsers_are_given_is_built_from_what_is_in_the_repository() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
        let mut paths = vec!["build.mjs".to_owned(), "package-lock.json".to_owned()];
        below(&root, &root.join("src"), &mut paths);
        paths.sort_unstable();
        let mut hash = Sha256::new();
        for path in &paths {
            hash.update(path);
            hash.update([0]);
            hash.update(std::fs::read(root.join(path)).unwrap());
        }
        let manifest: serde_json::Value = serde_json::from_str(&text("manifest.json")).unwrap();
        assert_eq!(manifest["inputs"], format!("{:x}", hash.finalize()), "dist is stale: run cargo xtask web");
    }

    #[test]
    fn every_file_of_the_manifest_is_there_and_served_as_what_it_is() {
        let manifest: serde_json::Value = serde_json::from_str(&text("manifest.json")).unwrap();
        for file in manifest["files"].as_object().unwrap().values() {
            let file = file.as_str().unwrap();
            assert!(Dist::get(file).is_some(), "{file}");
            let is_page = matches!(file, "embed.js" | "demo.html" | "showcase.html" | "admin.html");
            assert_eq!(content_type(file).is_none(), is_page, "{file}");
            let text = built(file).unwrap();
            assert!(text.brotli.is_some_and(|brotli| brotli.len() < text.plain.len()), "{file}");
        }
        assert!(content_type("comments-1.js.br").is_none(), "what is compressed has no address of its own");
        assert!(content_type("manifest.json").is_none() && content_type("../secret-x.js").is_some());
        assert!(Dist::get("../Cargo.toml").is_none());
    }

    #[test]
    fn the_demo_pages_keep_to_their_policy() {
        for name in ["demo.html", "showcase.html"] {
            let page = text(name);
            assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick="));
            assert!(!page.contains("<script>") && !page.contains("src=\"http"));
        }
    }
}

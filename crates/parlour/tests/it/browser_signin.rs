//! Signing in, in a real browser over HTTPS across two domains: the script `web/e2e/signin.mjs`, with a certificate made here.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::script::{Stage, can_run, missing};
use crate::server::Server;

const PROGRAMS: &[&str] = &["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/// A port that nobody has now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn has_smtp_server() -> bool {
    let import = Command::new("/usr/bin/python3").args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
    import.is_ok_and(|status| status.success()) || missing("aiosmtpd")
}

#[test]
fn a_reader_signs_in_across_domains_stays_signed_in_and_signs_out_everywhere() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let browser = PROGRAMS.iter().any(|program| Path::new(program).exists()) || missing("Chromium");
    let provider = tests.join("clients-signin/node_modules/oidc-provider").exists()
        || missing("what `npm ci --ignore-scripts` installs in crates/parlour/tests/clients-signin");
    if !browser || !provider || !can_run() || !has_smtp_server() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let names = ["talk.example.net".to_owned(), "blog.example.org".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (directory.path().join("certificate.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (provider, smtp) = (free_port(), free_port());
    let file = format!(
        "public-url = \"https://talk.example.net\"\norigins = [\"https://blog.example.org\"]\noutbound-allow = [\"127.0.0.1\"]\n\
         signin-oidc-url = \"http://127.0.0.1:{provider}\"\nsignin-oidc-id = \"us\"\nsignin-oidc-secret = \"ours\"\n\
         signin-oidc-name = \"Example\"\nsignin-mail = true\nmail-server = \"smtp://127.0.0.1:{smtp}\"\nmail-from = \"talk@example.net\"\n"
    );
    let script = tests.join("../../../web/e2e/signin.mjs");
    let more = [provider.to_string(), smtp.to_string(), certificate.display().to_string(), key.display().to_string()];
    Stage::new(Server::start(&[], &file)).run(&script, &more.each_ref().map(String::as_str));
}

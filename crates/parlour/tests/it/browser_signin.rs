//! Signing in, in real browsers over HTTPS across two domains: the script `web/e2e/signin.mjs`, with a certificate made here.

use std::net::TcpListener;
use std::path::Path;

use crate::script::{Stage, can_run, missing};
use crate::server::Server;

/// A port that nobody has now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Whether all that is not ours is there.
fn is_equipped(programs: &[&str], smtp: &Path) -> bool {
    let provider = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients-signin/node_modules/oidc-provider");
    (programs.iter().any(|program| Path::new(program).exists()) || missing(programs[0]))
        && (provider.exists() || missing("what `npm ci --ignore-scripts` installs in crates/parlour/tests/clients-signin"))
        && (smtp.join("aiosmtpd").exists() || missing("aiosmtpd, which `cargo xtask test` installs"))
        && can_run()
}

fn run(kind: &str, programs: &[&str]) {
    let smtp = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("smtp");
    if !is_equipped(programs, &smtp) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let names = ["talk.example.net", "blog.example.org", "other.example.com"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (directory.path().join("certificate.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let ports = [free_port(), free_port()];
    let file = format!(
        "public-url = \"https://talk.example.net\"\norigins = [\"https://blog.example.org\"]\noutbound-allow = [\"127.0.0.1\"]\n\
         signin-oidc-url = \"http://127.0.0.1:{}\"\nsignin-oidc-id = \"us\"\nsignin-oidc-secret = \"ours\"\n\
         signin-oidc-name = \"Example\"\nsignin-mail = true\nmail-server = \"smtp://127.0.0.1:{}\"\nmail-from = \"talk@example.net\"\n",
        ports[0], ports[1]
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/e2e/signin.mjs");
    let [provider, smtp_port] = ports.map(|port| port.to_string());
    let paths = [&smtp, &certificate, &key].map(|path| path.display().to_string());
    let more = [kind, &provider, &smtp_port, &paths[0], &paths[1], &paths[2]];
    Stage::new(Server::start(&[], &file)).run(&script, &more);
}

#[test]
fn in_chromium_a_reader_signs_in_across_domains_stays_signed_in_and_signs_out_everywhere() {
    run("chrome", &["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]);
}

#[test]
fn in_firefox_a_reader_signs_in_across_domains_stays_signed_in_and_signs_out_everywhere() {
    run("firefox", &["/usr/bin/firefox-esr", "/usr/bin/firefox"]);
}

#[test]
fn a_page_asks_its_site_for_a_token_at_the_start_and_before_it_ends() {
    let programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let browser = programs.iter().any(|program| Path::new(program).exists()) || missing("Chromium");
    if !browser || !can_run() {
        return;
    }
    let (port, secret) = (free_port().to_string(), "a secret that the page's site has, 32+");
    let file = format!("origins = [\"http://a.localhost:{port}\"]\ntoken-secret = \"{secret}\"\n");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/e2e/tokens.mjs");
    Stage::new(Server::start(&[], &file)).run(&script, &[&port, secret]);
}

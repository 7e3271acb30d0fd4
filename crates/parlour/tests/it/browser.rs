//! Pages in a real browser: the scripts of `web/e2e`, Chromium, and the real server with what it embeds.

use std::path::Path;

use crate::script::{Stage, can_run, missing};
use crate::server::Server;

const PROGRAMS: &[&str] = &["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

fn run(script: &str) {
    run_on(script, "", &[]);
}

/// On a server with this configuration file; the script is told more.
fn run_on(script: &str, file: &str, more: &[&str]) {
    run_with(script, file, |_| more.iter().map(|word| word.to_string()).collect());
}

/// The script is told what the server has to be asked for.
fn run_with(script: &str, file: &str, more: impl FnOnce(&Server) -> Vec<String>) {
    let browser = PROGRAMS.iter().any(|program| Path::new(program).exists()) || missing("Chromium");
    if !browser || !can_run() {
        return;
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/e2e");
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&pictures).unwrap();
    let server = Server::start(&["--demo"], file);
    let words = [vec![pictures.display().to_string()], more(&server)].concat();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Stage::new(server).run(&scripts.join(script), &words);
}

#[test]
fn two_browsers_share_a_thread_and_find_it_again_after_the_server_was_killed() {
    run("thread.mjs");
}

/// The client's package is built from what is installed in `web`.
#[test]
fn the_npm_client_goes_three_ways_and_misses_and_doubles_nothing_over_a_kill() {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/node_modules/esbuild").exists();
    if installed || missing("what `npm ci --ignore-scripts` installs in web") {
        run("client.mjs");
    }
}

#[test]
fn what_readers_can_rely_on_holds_sentence_by_sentence() {
    run_on("ux.mjs", "", &["half=1"]);
}

/// Every other sentence, so that both halves run beside each other.
#[test]
fn what_readers_can_rely_on_holds_in_its_other_half_too() {
    run_on("ux.mjs", "", &["half=2"]);
}

#[test]
#[ignore = "a minute that passes; `cargo xtask long offline`"]
fn long_two_comments_are_written_in_a_minute_without_a_server() {
    println!("| two comments written while the line is down, then while the server is killed | then |\n| --- | --- |");
    run_on("ux.mjs", "", &["minute", "Two comments written"]);
}

#[test]
fn the_tabs_of_a_browser_share_a_connection_and_find_other_ways_than_a_websocket() {
    run("tabs.mjs");
}

#[test]
fn in_firefox_too_one_writes_reads_and_comes_back() {
    let firefox = ["/usr/bin/firefox-esr", "/usr/bin/firefox"].iter().any(|program| Path::new(program).exists());
    if firefox || missing("Firefox") {
        run("firefox.mjs");
    }
}

#[test]
fn a_comment_that_wants_to_be_a_program_does_nothing_in_any_browser() {
    let secret = "a secret that is long enough to sign tokens with";
    run_on("hostile.mjs", &format!("token-secret = \"{secret}\""), &[secret]);
}

#[test]
fn readers_of_pages_that_move_and_merge_end_on_the_right_thread_without_a_reload() {
    run_with("moves.mjs", "", |server| vec![server.key("default")]);
}

/// An owner's day with so many comments that wait in the end; `rules` are the site's besides.
fn owners_day(waiting: &str, rules: &str) {
    let browser = PROGRAMS.iter().any(|program| Path::new(program).exists()) || missing("Chromium");
    if !browser || !can_run() {
        return;
    }
    // The page's origin has to be known before the server starts.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = format!("origins = [\"http://a.localhost:{port}\"]\nhold = \"first\"\naddress-posts = \"100000/1ms\"\n{rules}");
    let server = Server::start(&[], &file).knows_itself();
    let token = server.token("mia", &["--role", "admin"]);
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&pictures).unwrap();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/e2e");
    let more = [&*pictures.display().to_string(), &port.to_string(), &token, waiting];
    Stage::new(server).run(&scripts.join("moderation.mjs"), &more);
}

#[test]
fn an_owners_day_from_a_telephone() {
    owners_day("200", "");
}

#[test]
#[ignore = "ten thousand comments first; `cargo xtask long queue`"]
fn long_an_owners_day_with_ten_thousand_comments_that_wait() {
    owners_day("10000", "proof-bits = 0\n");
    println!("A telephone's screen, the keyboard alone, axe on every view: as in `an_owners_day_from_a_telephone`, with 10,000.");
}

#[test]
fn two_browsers_chat_and_see_each_other_type() {
    run("chat.mjs");
}

#[test]
fn a_browsers_own_event_source_resumes_with_nothing_lost_or_doubled() {
    run("eventsource.mjs");
}

#[test]
fn the_demo_page_works_and_can_be_looked_at() {
    run("demo.mjs");
}

/// Runs one of `examples/` as it stands, against a server with a secret that the site signs with.
fn example(name: &str, needs: &[&str]) {
    let browser = PROGRAMS.iter().any(|program| Path::new(program).exists()) || missing("Chromium");
    let rest = needs.iter().all(|path| Path::new(path).exists() || missing(path));
    if !browser || !can_run() || !rest {
        return;
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/e2e");
    let server = Server::start(&["--demo", "--token-secret", "a-secret-that-only-this-test-and-its-site-know"], "");
    Stage::new(server).run(&scripts.join("examples.mjs"), &["-", name]);
}

/// What `npm install --no-save --ignore-scripts` installs in an example.
macro_rules! packages {
    ($name:literal) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/", $name, "/node_modules")
    };
}

#[test]
fn the_example_for_react_is_built_and_posted_through() {
    example("react", &[packages!("react")]);
}

#[test]
fn the_example_for_vue_is_built_and_posted_through() {
    example("vue", &[packages!("vue")]);
}

#[test]
fn the_example_for_astro_is_built_and_posted_through() {
    example("astro", &[packages!("astro")]);
}

#[test]
fn the_example_for_hugo_is_built_and_posted_through() {
    example("hugo", &["/usr/bin/hugo"]);
}

#[test]
fn the_partial_for_a_ghost_theme_is_rendered_and_posted_through() {
    example("ghost", &[]);
}

#[test]
fn the_plugin_for_wordpress_works_in_a_classic_and_in_a_block_theme() {
    example("wordpress", &["/usr/share/wordpress/wp-settings.php", "/usr/sbin/mariadbd"]);
}

#[test]
fn pages_known_and_unknown_secure_and_plain_and_moderators_in_the_thread() {
    let browser = PROGRAMS.iter().any(|program| Path::new(program).exists()) || missing("Chromium");
    if !browser || !can_run() {
        return;
    }
    // The pages' origins have to be known before the server starts.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let origins = format!("[\"http://a.localhost:{port}\", \"http://blog.example:{port}\"]");
    let file = format!("origins = {origins}\nhold = \"first\"\nchats = [\"lobby\"]\naddress-posts = \"100000/1ms\"\n");
    let server = Server::start(&[], &file).knows_itself();
    let token = server.token("mia", &["--role", "moderator"]);
    let member = server.token("ada", &["--name", "Ada"]);
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/e2e");
    Stage::new(server).run(&scripts.join("refused.mjs"), &["-", &port.to_string(), &token, &member]);
}

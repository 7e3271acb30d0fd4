//! Every test there is, the quick ones first and `cargo test` last, so that its results end what is printed. Nothing stops at
//! the first failure; the last line names what failed. A part whose tool is missing is skipped aloud; where `CI` is set, `needs` has failed already.

use std::process::{Command, Stdio};

use crate::{cargo, needs, pip, ran, root, web};

/// What was run and was not well.
struct Tally(Vec<&'static str>);

impl Tally {
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> bool) {
        eprintln!("xtask: == {name}");
        if !step() {
            self.0.push(name);
        }
    }
}

/// True when all that was run was well.
pub fn everything() -> bool {
    let mut tally = Tally(Vec::new());
    tally.run("what the tests need", needs::meet);
    tally.run("programs in Python that are not ours", || pip::install(&root()));
    pages(&mut tally);
    style(&mut tally);
    let tests = ["test", "--workspace", "--no-fail-fast"];
    tally.run("cargo test --workspace", || ran(Command::new(cargo()).args(tests).current_dir(root())));
    if !tally.0.is_empty() {
        eprintln!("xtask: FAILED: {}", tally.0.join("; "));
    }
    tally.0.is_empty()
}

/// The page's scripts, and the npm clients that `cargo test` starts.
fn pages(tally: &mut Tally) {
    if !needs::has("node") || !needs::has("npm") {
        eprintln!("xtask: SKIPPED the page's tests: there is no Node with npm");
        return;
    }
    tally.run("npm ci in web", || web::install(&root().join("web")));
    tally.run("npm ci in the test clients' folder", || web::install(&root().join("crates/parlour/tests/clients")));
    tally.run("npm ci in the sign-in clients' folder", || web::install(&root().join("crates/parlour/tests/clients-signin")));
    tally.run("npm ci in the Socket.IO clients' folder", || web::install(&root().join("crates/parlour/tests/clients-socketio")));
    for name in ["react", "vue", "astro"] {
        tally.run("npm install in an example", || web::install_here(&root().join("examples").join(name)));
    }
    tally.run("the types of web", || web::script("check"));
    tally.run("the tests of web", || web::script("test"));
    tally.run("the built scripts are what the sources build to", web::fresh);
}

/// What the toolchain may lack; a check of the code's looks alone is never missed enough to fail.
fn style(tally: &mut Tally) {
    match component("fmt") {
        true => tally.run("cargo fmt --check", || {
            ran(Command::new(cargo()).args(["fmt", "--all", "--", "--check", "-l"]).current_dir(root()))
        }),
        false => eprintln!("xtask: SKIPPED cargo fmt --check: there is no rustfmt"),
    }
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    match component("clippy") {
        true => tally.run("cargo clippy", || ran(Command::new(cargo()).args(clippy).current_dir(root()))),
        false => eprintln!("xtask: SKIPPED cargo clippy: there is no clippy"),
    }
}

/// Whether this part of the toolchain is installed. Cargo's own programs may be there and only say that it is not.
fn component(name: &str) -> bool {
    let asked = Command::new(cargo()).args([name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

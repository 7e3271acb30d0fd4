//! The rules of taste that a machine can read: who may use whom, how long files are, what no file has. It reads sources as text,
//! so a path written in any form counts: `use crate::…`, a group in braces, or in the middle of a line.

use std::path::{Path, PathBuf};

/// The longest file, in lines.
const LINES_MAX: usize = 600;
/// Modules that carry a concrete backend; `server` alone names them.
const BACKENDS: [&str; 2] = ["sqlite", "redis"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every file below with one of these endings; built, fetched and hidden ones are left out.
fn files(below: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![below.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && !matches!(name.as_str(), "target" | "node_modules" | "dist" | "built") {
                    waiting.push(path);
                }
            } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

fn rust_files() -> Vec<PathBuf> {
    ["crates", "bench", "xtask"].iter().flat_map(|directory| files(&root().join(directory), &["rs"])).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The modules in the order in which `lib.rs` declares them.
fn modules(source: &Path) -> Vec<String> {
    let text = read(&source.join("lib.rs"));
    let declared = text.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    declared.map(|rest| rest.trim_end_matches(';').trim_end_matches(" {").to_owned()).collect()
}

/// The module that a file is in: its first name below `src`.
fn module_of(source: &Path, file: &Path) -> String {
    let first = file.strip_prefix(source).unwrap().iter().next().unwrap();
    first.to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The modules of the crate that a text names, comments excepted.
fn named(text: &str) -> Vec<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        // A crate of that name ends in the same letters.
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || matches!(before, '_' | '$')) {
            continue;
        }
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(heads(group)),
            None => found.push(word(rest)),
        }
    }
    found
}

/// The first names of the members of a group, which ends with its brace.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut found, mut begins) = (0, Vec::new(), true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            other if begins && !other.is_whitespace() => {
                found.push(word(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

#[test]
fn a_module_uses_only_those_above_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let order = modules(&source);
    let place = |name: &str| order.iter().position(|module| module == name);
    let mut wrong = Vec::new();
    for file in files(&source, &["rs"]) {
        let module = module_of(&source, &file);
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let own = place(&module).unwrap_or_else(|| panic!("lib.rs does not declare {module}"));
        for name in named(&read(&file)) {
            match place(&name) {
                Some(place) if place <= own => {}
                Some(_) => wrong.push(format!("{}: {module} looks up to {name}", shown(&file))),
                None => wrong.push(format!("{}: there is no module {name}", shown(&file))),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(order.last().map(String::as_str), Some("cli"), "the command line comes last");
}

#[test]
fn only_the_server_names_a_concrete_backend() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in files(&source, &["rs"]) {
        let module = module_of(&source, &file);
        let may = matches!(module.as_str(), "lib" | "server") || BACKENDS.contains(&module.as_str());
        let names = named(&read(&file)).into_iter().filter(|name| BACKENDS.contains(&name.as_str()));
        wrong.extend(names.filter(|_| !may).map(|name| format!("{} names {name}", shown(&file))));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_wire_knows_nothing_of_the_server() {
    let manifest = read(&root().join("crates/wire/Cargo.toml"));
    for line in manifest.lines().map(|line| line.split('#').next().unwrap_or("")) {
        let name = line.split([' ', '=']).next().unwrap_or("");
        assert!(!matches!(name, "tokio" | "hyper" | "axum" | "parlour" | "rusqlite"), "{line}");
    }
}

#[test]
fn no_file_is_longer_than_600_lines_and_each_says_what_it_is() {
    let mut wrong = Vec::new();
    let web = files(&root().join("web"), &["ts", "css", "mjs"]);
    for file in rust_files().iter().chain(&web) {
        let text = read(file);
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{} has {lines} lines", shown(file)));
        }
        let is_rust = file.extension().is_some_and(|ending| ending == "rs");
        let opens = if is_rust {
            text.starts_with("//!")
        } else {
            text.starts_with("/*") || text.starts_with("//") || text.starts_with("#!")
        };
        // A crate that is still empty has nothing to say.
        if lines > 1 && !opens {
            wrong.push(format!("{} does not open with what it is", shown(file)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    for file in rust_files() {
        let path = shown(&file);
        let is_empty_word = |name: &str| matches!(name, "util" | "utils" | "helper" | "helpers" | "common" | "misc" | "manager");
        assert!(!path.split(['/', '.']).any(is_empty_word), "{path}");
    }
}

#[test]
fn nothing_is_left_to_do_and_no_test_sleeps() {
    // Put together here, so that this file does not have what it looks for.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["X", "XX"], ["to", "do!("], ["unimplement", "ed!("], ["db", "g!("]]
        .map(|halves| halves.concat());
    let sleep = ["sl", "eep("].concat();
    let mut wrong = Vec::new();
    for file in rust_files().iter().chain(&files(&root().join("web"), &["ts"])) {
        let text = read(file);
        // In a file of the product the tests are what comes after their attribute.
        let is_test = file.components().any(|part| part.as_os_str() == "tests") || file.ends_with("tests.rs");
        let tests_from = if is_test { 0 } else { text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len()) };
        for mark in marks.iter().filter(|mark| text.contains(mark.as_str())) {
            wrong.push(format!("{} has {mark}", shown(file)));
        }
        if text[tests_from..].contains(&sleep) {
            wrong.push(format!("a test in {} sleeps", shown(file)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

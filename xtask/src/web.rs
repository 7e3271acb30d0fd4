//! The page's scripts: installing what they need, building them, and whether what is committed is what they build to.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::{ran, root};

/// Exactly what is locked, and none of its scripts is run.
pub fn install(directory: &Path) -> bool {
    ran(Command::new("npm").args(["ci", "--ignore-scripts", "--no-fund", "--no-audit"]).current_dir(directory))
}

/// The same for what has a part of its own for each platform: not every registry has all of them, and `npm ci` wants all.
pub fn install_here(directory: &Path) -> bool {
    let words = ["install", "--no-save", "--ignore-scripts", "--no-fund", "--no-audit"];
    ran(Command::new("npm").args(words).current_dir(directory))
}

/// A script of `web/package.json`.
pub fn script(name: &str) -> bool {
    ran(Command::new("npm").args(["run", "--silent", name]).current_dir(root().join("web")))
}

pub fn build() -> bool {
    script("build")
}

/// Builds again and compares. What came out otherwise stays, to be committed.
pub fn fresh() -> bool {
    let was = match dist() {
        Ok(was) => was,
        Err(error) => {
            eprintln!("xtask: the built scripts cannot be read: {error}");
            return false;
        }
    };
    if !build() {
        return false;
    }
    let is = match dist() {
        Ok(is) => is,
        Err(error) => {
            eprintln!("xtask: the built scripts cannot be read again: {error}");
            return false;
        }
    };
    let same = was.len() == is.len() && was.iter().zip(&is).all(|((path, was), (now, is))| path == now && was.0 == is.0);
    if !same {
        eprintln!("xtask: crates/parlour/dist was stale; it is built now and waits to be committed");
        return false;
    }
    // With their old times again the server, which holds them, need not be compiled anew.
    was.iter().all(|(path, (_, time))| File::options().write(true).open(path).and_then(|file| file.set_modified(*time)).is_ok())
}

/// Path → content and time of every built file; the folder is flat.
fn dist() -> io::Result<BTreeMap<PathBuf, (Vec<u8>, SystemTime)>> {
    fs::read_dir(root().join("crates/parlour/dist"))?
        .map(|entry| {
            let path = entry?.path();
            Ok((path.clone(), (fs::read(&path)?, fs::metadata(&path)?.modified()?)))
        })
        .collect()
}

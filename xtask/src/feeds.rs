//! A reader of feeds that is not ours, `feedparser`, for the tests of feeds: installed into the folder of what is built, where
//! nothing else on the machine sees it.

use std::path::Path;
use std::process::Command;

use crate::{needs, ran};

const PACKAGE: &str = "feedparser==6.0.14";

/// Installs the reader where the tests look for it, unless it is there; false when that fails, and pip has said why.
pub fn install(root: &Path) -> bool {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
    let directory = target.join("feeds");
    if !needs::has("python3") || directory.join("feedparser/__init__.py").is_file() {
        return true;
    }
    eprintln!("xtask: installing {PACKAGE} with pip into {}", directory.display());
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(&directory).arg(PACKAGE);
    ran(&mut pip) || !needs::strict()
}

//! Autobahn's fuzzing client for WebSocket, which `cargo xtask long autobahn` runs and `cargo test` uses where it finds it. It is a
//! package of Python 2.7, which hardly any system still brings; so it is installed only when asked for, into the folder of what is
//! built, and nothing else on the machine sees it. What is run with it is in `conformance/tests/it/autobahn.rs`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::ran;

const PACKAGE: &str = "autobahntestsuite==25.10.1";

/// A Python 2.7 with pip: on the path, or one that pyenv keeps.
pub fn python() -> Option<PathBuf> {
    let name = "python2.7";
    let mut candidates = vec![PathBuf::from(name)];
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or(home);
    // No such folder is no such Python.
    let versions = pyenv.and_then(|pyenv| fs::read_dir(pyenv.join("versions")).ok());
    candidates.extend(versions.into_iter().flatten().flatten().map(|version| version.path().join("bin").join(name)));
    // Being there is not enough: pyenv puts programs on the path that only say that they are not chosen.
    candidates.into_iter().find(|python| {
        let asked = Command::new(python).args(["-m", "pip", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    })
}

/// Installs the client where the tests look for it, unless it is there; false when that fails, and pip has said why.
pub fn install(python: &Path, root: &Path) -> bool {
    let directory = directory(root);
    // Without this file Python 2.7 does not look into a folder that several packages share. Made last, it says that all is there.
    let mark = directory.join("zope/__init__.py");
    if mark.is_file() {
        return true;
    }
    if let Err(error) = remove(&directory) {
        eprintln!("xtask: {}: {error}", directory.display());
        return false;
    }
    eprintln!("xtask: installing {PACKAGE} with pip into {}", directory.display());
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(&directory).arg(PACKAGE);
    if !ran(&mut pip) {
        return false;
    }
    match File::create(&mark) {
        Ok(_) => true,
        Err(error) => {
            eprintln!("xtask: {}: {error}", mark.display());
            false
        }
    }
}

/// What an interrupted installation left.
fn remove(directory: &Path) -> std::io::Result<()> {
    if directory.exists() { fs::remove_dir_all(directory) } else { Ok(()) }
}

/// Beside the folder that Cargo gives to tests.
fn directory(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
    target.join("autobahn-suite")
}

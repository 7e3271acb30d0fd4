//! Programs in Python that are not ours, for tests: each installed by pip into a folder of what is built, where nothing else on the
//! machine sees it and the tests look for it.

use std::path::Path;
use std::process::Command;

use crate::{needs, ran};

/// Folder, package, what is there when it is installed.
const PACKAGES: &[(&str, &str, &str)] =
    &[("feeds", "feedparser==6.0.14", "feedparser/__init__.py"), ("smtp", "aiosmtpd==1.4.6", "aiosmtpd/__init__.py")];

/// Installs what is not there yet; false when that fails where it must not, and pip has said why.
pub fn install(root: &Path) -> bool {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
    PACKAGES.iter().all(|(folder, package, sign)| {
        let directory = target.join(folder);
        if !needs::has("python3") || directory.join(sign).is_file() {
            return true;
        }
        eprintln!("xtask: installing {package} with pip into {}", directory.display());
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]).arg(&directory).arg(package);
        ran(&mut pip) || !needs::strict()
    })
}

//! The programs beside Rust that the tests use, and how they get here: on Debian they are installed, aloud, where that is
//! allowed; elsewhere it is said what is missing.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::ran;

/// What finds it (programs, or files by their whole path), what it is for, its Debian package.
struct Need {
    programs: &'static [&'static str],
    purpose: &'static str,
    package: &'static str,
}

const NEEDS: &[Need] = &[
    Need { programs: &["node"], purpose: "the page's own tests, clients that are not ours", package: "nodejs" },
    Need { programs: &["npm"], purpose: "what those need", package: "npm" },
    Need {
        programs: &["chromium", "chromium-browser", "google-chrome"],
        purpose: "pages in a real browser",
        package: "chromium",
    },
    Need { programs: &["firefox-esr", "firefox"], purpose: "pages in another browser", package: "firefox-esr" },
    Need { programs: &["redis-server"], purpose: "the Redis store", package: "redis-server" },
    Need { programs: &["python3"], purpose: "an example of signing tokens", package: "python3" },
    Need { programs: &["pip3"], purpose: "a reader of feeds and a mail server that are not ours", package: "python3-pip" },
    Need { programs: &["php"], purpose: "an example of signing tokens", package: "php-cli" },
    Need { programs: &["redis-sentinel"], purpose: "the Redis store with Sentinel", package: "redis-sentinel" },
    Need { programs: &["nginx"], purpose: "nodes behind a load balancer, the example of a cluster", package: "nginx" },
    Need { programs: &["haproxy"], purpose: "nodes behind another load balancer", package: "haproxy" },
    Need { programs: &["hugo"], purpose: "the example for Hugo", package: "hugo" },
    Need { programs: &["/usr/share/wordpress/wp-settings.php"], purpose: "the example for WordPress", package: "wordpress" },
    Need {
        programs: &["/usr/share/wordpress/wp-content/themes/twentytwentyone/style.css"],
        purpose: "WordPress with a classic theme",
        package: "wordpress-theme-twentytwentyone",
    },
    Need {
        programs: &["/usr/share/wordpress/wp-content/themes/twentytwentythree/style.css"],
        purpose: "WordPress with a block theme",
        package: "wordpress-theme-twentytwentythree",
    },
    Need { programs: &["mariadbd"], purpose: "WordPress' database", package: "mariadb-server-core" },
    Need { programs: &["curl"], purpose: "a client that is not ours", package: "curl" },
];

/// True on a machine where a missing part is a failure: the variable `CI` is set.
pub fn strict() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// Whether a program of this name is on the path, or where Debian keeps what only root was to run.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
        || Path::new("/usr/sbin").join(program).is_file()
}

/// Installs what is missing where that can be done; false when something still is and it must not.
pub fn meet() -> bool {
    let missing = missing();
    if missing.is_empty() {
        return true;
    }
    install(&missing);
    let still = self::missing();
    for need in &still {
        eprintln!("xtask: MISSING {} ({}): Debian's package is {}", need.programs[0], need.purpose, need.package);
    }
    still.is_empty() || !strict()
}

fn missing() -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| !need.programs.iter().any(|program| has(program))).collect()
}

/// By `apt-get`, as root or with a `sudo` that does not ask.
fn install(missing: &[&Need]) {
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !Path::new("/etc/debian_version").exists() || !has("apt-get") {
        return eprintln!("xtask: this is not Debian, so nothing is installed");
    }
    let Some(become_root) = become_root() else {
        return eprintln!("xtask: neither root nor sudo; as root: apt-get install {}", packages.join(" "));
    };
    eprintln!("xtask: installing {} with apt-get", packages.join(", "));
    let apt = |arguments: &[&str]| {
        let mut words = become_root.to_vec();
        words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]);
        words.extend(arguments);
        ran(Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()))
    };
    // What fails here shows in what is missing afterwards.
    if apt(&["update"]) {
        let mut install = vec!["install", "--yes", "--no-install-recommends"];
        install.extend(&packages);
        apt(&install);
    }
}

/// The words that go before a command of root's; `None` where that cannot be.
fn become_root() -> Option<&'static [&'static str]> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let quiet = |program: &str| Command::new(program).args(["-n", "true"]).stderr(Stdio::null()).status();
    match () {
        () if root => Some(&[]),
        () if has("sudo") && quiet("sudo").is_ok_and(|status| status.success()) => Some(&["sudo", "-n"]),
        () => None,
    }
}

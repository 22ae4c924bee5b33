//! Owner of the running program: a package manager, a container image, or the user. The owner of the file decides, not
//! how the program was built: the same program lies in the `.deb` and in the portable archive.

use std::io::Read;
use std::path::{Component, Path};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// Largest output of a package manager that is read, bytes.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// Owner of the program's files, which decides how they are updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum Owner {
    Apt,
    Rpm,
    Pacman,
    Homebrew,
    Winget,
    Scoop,
    Flatpak,
    Container,
    /// Installer for Windows.
    Installer,
    /// Application bundle of macOS.
    AppBundle,
    /// Build from source on this machine.
    Source,
    /// Folder of the user.
    Portable,
}

/// Owner of the running program, and the command that updates it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    pub owner: Owner,
    /// Command that updates the program. `None` if no other program manages it.
    pub command: Option<String>,
}

/// Function that runs a program of the system, such as `dpkg`, and returns its output; `None` if it is missing or fails.
pub type PackageQuery<'a> = &'a dyn Fn(&str, &[&str]) -> Option<String>;

/// Returns the owner of `program`, the path of the running program with links resolved.
pub fn detect(program: &Path, query: PackageQuery, exists: &dyn Fn(&Path) -> bool) -> Installation {
    let owned = |owner, command: String| Installation { owner, command: Some(command) };
    if exists(Path::new("/.flatpak-info")) {
        return owned(Owner::Flatpak, "flatpak update".to_owned());
    }
    by_path(program).or_else(|| by_package_manager(program, query)).unwrap_or_else(|| {
        let folder = program.parent().unwrap_or(program);
        // The image is for Linux. On Windows these would be files of the current drive.
        let in_container =
            cfg!(unix) && (exists(Path::new("/run/.containerenv")) || exists(Path::new("/.dockerenv")));
        let owner = match () {
            () if is_in_bundle(program) => Owner::AppBundle,
            () if exists(&folder.join("uninstall.exe")) => Owner::Installer,
            () if exists(&folder.join(".fingerprint")) => Owner::Source,
            // `cargo install` lists there the files that it installed in `bin`.
            () if folder.parent().is_some_and(|above| exists(&above.join(".crates.toml"))) => Owner::Source,
            // Files of a container that no package owns belong to its image.
            () if in_container => {
                return owned(Owner::Container, "docker compose pull && docker compose up -d".to_owned());
            }
            () => Owner::Portable,
        };
        Installation { owner, command: None }
    })
}

/// Package managers that keep each package in a folder of its name.
fn by_path(program: &Path) -> Option<Installation> {
    let parts: Vec<&str> = program.components().filter_map(name_of).collect();
    let after = |folder: &str| {
        let at = parts.iter().position(|part| part.eq_ignore_ascii_case(folder))?;
        parts.get(at + 1).copied()
    };
    let owned = |owner, command: String| Some(Installation { owner, command: Some(command) });
    if let Some(name) = after("Cellar") {
        return owned(Owner::Homebrew, format!("brew upgrade {name}"));
    }
    if let Some(name) = after("Caskroom") {
        return owned(Owner::Homebrew, format!("brew upgrade --cask {name}"));
    }
    if let Some(name) = after("apps").filter(|_| after("scoop") == Some("apps")) {
        return owned(Owner::Scoop, format!("scoop update {name}"));
    }
    if let Some(name) = after("Packages").filter(|_| after("WinGet") == Some("Packages")) {
        // The folder is named by the package and its source: `Owner.Name_Source_8wekyb3d8bbwe`.
        let name = name.split('_').next().unwrap_or(name);
        return owned(Owner::Winget, format!("winget upgrade --id {name}"));
    }
    None
}

/// Package managers with a database of files.
fn by_package_manager(program: &Path, query: PackageQuery) -> Option<Installation> {
    let path = program.to_str()?;
    let owned = |owner, command: String| Some(Installation { owner, command: Some(command) });
    // `mammouth-proxy: /usr/bin/mammouth-proxy`, or `mammouth-proxy:arm64: …`.
    if let Some(answer) = query("dpkg", &["-S", path])
        && let Some(name) = answer.split(':').next().and_then(package_name)
    {
        return owned(Owner::Apt, format!("sudo apt update && sudo apt install --only-upgrade {name}"));
    }
    if let Some(name) =
        query("rpm", &["-qf", "--queryformat", "%{NAME}", path]).as_deref().and_then(package_name)
    {
        return owned(Owner::Rpm, format!("sudo dnf upgrade {name}"));
    }
    let answer = query("pacman", &["-Qqo", path])?;
    let name = package_name(&answer)?;
    owned(Owner::Pacman, format!("yay -S {name}"))
}

/// Returns the package's name in an output. `None` for anything that is not a valid name, because it becomes part of a
/// command.
fn package_name(text: &str) -> Option<&str> {
    let name = text.trim();
    let is_name_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+' | '_');
    (!name.is_empty() && !name.starts_with('-') && name.chars().all(is_name_char)).then_some(name)
}

fn is_in_bundle(program: &Path) -> bool {
    program.ancestors().any(|folder| folder.extension().is_some_and(|extension| extension == "app"))
}

fn name_of(part: Component<'_>) -> Option<&str> {
    match part {
        Component::Normal(name) => name.to_str(),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
    }
}

/// Runs a [`PackageQuery`] on this system. Programs are found by `PATH`, get no input, and print English.
pub fn query_system(program: &str, args: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(args).env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut answer = String::new();
    let read = child.stdout.take()?.take(MAX_ANSWER_BYTES).read_to_string(&mut answer);
    let is_success = child.wait().ok()?.success();
    read.ok().filter(|_| is_success).map(|_| answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(program: &str, answer: (&str, &str), there: &str) -> Installation {
        let query = |name: &str, _: &[&str]| (name == answer.0).then(|| answer.1.to_owned());
        detect(Path::new(program), &query, &|path| path == Path::new(there))
    }

    #[test]
    fn the_owner_of_the_file_decides() {
        let usr = "/usr/bin/mammouth-proxy";
        for (program, answer, there, owner, command) in [
            (
                usr,
                ("dpkg", "mammouth-proxy: /usr/bin/mammouth-proxy\n"),
                "",
                Owner::Apt,
                "sudo apt update && sudo apt install --only-upgrade mammouth-proxy",
            ),
            (usr, ("rpm", "mammouth-proxy"), "", Owner::Rpm, "sudo dnf upgrade mammouth-proxy"),
            (usr, ("pacman", "mammouth-proxy-bin\n"), "", Owner::Pacman, "yay -S mammouth-proxy-bin"),
            #[cfg(unix)]
            (usr, ("", ""), "/.dockerenv", Owner::Container, "docker compose pull && docker compose up -d"),
            (usr, ("dpkg", "p: x"), "/.flatpak-info", Owner::Flatpak, "flatpak update"),
            (
                "/opt/homebrew/Cellar/mammouth-proxy/0.1.0/bin/mammouth-proxy",
                ("", ""),
                "",
                Owner::Homebrew,
                "brew upgrade mammouth-proxy",
            ),
            (
                "/opt/homebrew/Caskroom/mammouth/0.1.0/M.app/Contents/MacOS/m",
                ("", ""),
                "",
                Owner::Homebrew,
                "brew upgrade --cask mammouth",
            ),
            (
                "/u/scoop/apps/mammouth-proxy/current/m.exe",
                ("", ""),
                "",
                Owner::Scoop,
                "scoop update mammouth-proxy",
            ),
            (
                "/u/Microsoft/WinGet/Packages/A.MammouthProxy_Microsoft.Winget.Source_8wekyb3d8bbwe/m.exe",
                ("", ""),
                "",
                Owner::Winget,
                "winget upgrade --id A.MammouthProxy",
            ),
        ] {
            let expected = Installation { owner, command: Some(command.to_owned()) };
            assert_eq!(found(program, answer, there), expected, "{program}");
        }
        for (program, there, owner) in [
            ("/Applications/Mammouth Proxy.app/Contents/MacOS/m", "", Owner::AppBundle),
            ("/u/Mammouth Proxy/m.exe", "/u/Mammouth Proxy/uninstall.exe", Owner::Installer),
            ("/src/target/debug/m", "/src/target/debug/.fingerprint", Owner::Source),
            ("/home/a/.cargo/bin/m", "/home/a/.cargo/.crates.toml", Owner::Source),
            ("/home/a/mammouth/m", "", Owner::Portable),
        ] {
            assert_eq!(found(program, ("", ""), there), Installation { owner, command: None }, "{program}");
        }
    }

    #[test]
    fn an_answer_that_is_no_name_is_no_command() {
        for answer in ["", "-o Dpkg::x", "a; rm -rf ~", "$(x): /usr/bin/m"] {
            assert_eq!(found("/usr/bin/m", ("dpkg", answer), "").owner, Owner::Portable, "{answer}");
        }
    }

    #[test]
    fn a_missing_package_manager_has_no_answer() {
        assert_eq!(query_system("no-such-package-manager", &[]), None);
    }
}

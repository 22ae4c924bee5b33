use tempfile::TempDir;

use super::*;

/// Program that confirms the update.
const SERVES: &str = r#"echo "$MAMMOUTH_PROXY_CONFIRM_UPDATE" >"$1/update/confirmed""#;
/// Changes the data as a newer version may, and ends.
const CRASHES: &str =
    r#"echo new >"$1/settings.toml"; echo new >"$1/mammouth.db-wal"; rm "$1/mammouth.db"; exit 7"#;
/// Changes the data, and never serves.
const HANGS: &str = r#"echo new >"$1/settings.toml"; exec tail -f /dev/null"#;
/// Program that writes that it was started, and whether it should confirm.
const OLD: &str = r#"echo "started ${MAMMOUTH_PROXY_CONFIRM_UPDATE-without confirmation}" >"$1/old""#;

/// An installation of two programs, and an update of it.
struct Fixture {
    dir: TempDir,
    swap: Swap,
}

impl Fixture {
    /// An update whose programs are shell scripts with this text.
    fn new(new: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("programs");
        let data_dir = dir.path().join("data");
        for made in [&folder, &data_dir] {
            fs::create_dir(made).unwrap();
        }
        fs::write(data_dir.join("settings.toml"), "old").unwrap();
        fs::write(data_dir.join("mammouth.db"), "old").unwrap();
        let swap = Swap {
            version: "9.0.0".to_owned(),
            step: SwapStep::Downloaded,
            helper_starts: 0,
            files: vec!["proxy".to_owned(), "desktop".to_owned()],
            restart: Restart {
                program: folder.join("proxy"),
                args: vec![data_dir.to_str().unwrap().to_owned()],
                working_dir: folder.clone(),
            },
            folder,
            confirmation_timeout: Duration::from_secs(600),
        };
        for name in &swap.files {
            write_script(&swap.folder.join(name), OLD);
            write_script(&swap.folder.join(format!("{name}.new")), new);
        }
        swap.store(&data_dir).unwrap();
        Self { dir, swap }
    }

    fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn data(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.data_dir().join(name)).ok()
    }

    /// The helper's work, and that of the program that it leaves running.
    fn run_helper(&self) {
        run_helper(&self.data_dir()).unwrap().wait().unwrap();
    }

    fn check(&self) -> StartCheck {
        check_start(&self.data_dir(), false)
    }

    /// The names in the folder of programs, and whether all of them have this text.
    fn installed(&self, text: &str) -> (Vec<String>, bool) {
        let names = fs::read_dir(&self.swap.folder).unwrap();
        let mut names: Vec<String> =
            names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let has_text =
            |name: &String| fs::read_to_string(self.swap.folder.join(name)).unwrap().contains(text);
        let all = names.iter().all(has_text);
        (names, all)
    }

    fn assert_new_version(&self) {
        assert_eq!(self.installed(SERVES), (vec!["desktop".to_owned(), "proxy".to_owned()], true));
        assert!(!update_dir(&self.data_dir()).exists());
        assert_eq!(self.check(), StartCheck::Start);
    }

    fn assert_old_version(&self, expected: &str) {
        assert_eq!(self.installed(OLD), (vec!["desktop".to_owned(), "proxy".to_owned()], true), "{expected}");
        assert_eq!(self.data("old").as_deref(), Some("started without confirmation\n"), "{expected}");
        let data = ["settings.toml", "mammouth.db", "mammouth.db-wal"].map(|name| self.data(name));
        assert_eq!(data, [Some("old".to_owned()), Some("old".to_owned()), None], "{expected}");
        let StartCheck::StartReverted { version, reason } = self.check() else { panic!("{expected}") };
        assert!(version == "9.0.0" && reason.contains(expected), "{reason}");
        assert_eq!(self.check(), StartCheck::Start, "it is said once");
        assert!(!update_dir(&self.data_dir()).exists());
    }
}

/// Another process writes: a file that this one has open for writing could not be run while a test beside starts a program.
fn write_script(path: &Path, text: &str) {
    let script = r#"printf '#!/bin/sh\n%s\n' "$0" >"$1" && chmod 755 "$1""#;
    let written = Command::new("/bin/sh").args(["-c", script, text]).arg(path).status();
    assert!(written.unwrap().success());
}

#[test]
fn w11_a_new_version_that_serves_replaces_the_old_one() {
    let update = Fixture::new(SERVES);
    assert_eq!(check_start(&update.data_dir(), true), StartCheck::Start, "the helper starts it");
    update.run_helper();
    update.assert_new_version();
    assert_eq!(update.data("settings.toml").as_deref(), Some("old"));
}

#[test]
fn w11_a_new_version_that_does_not_serve_is_taken_back_with_its_data() {
    let crashing = Fixture::new(CRASHES);
    crashing.run_helper();
    crashing.assert_old_version("it ended before it served: exit status: 7");

    let mut hanging = Fixture::new(HANGS);
    hanging.swap.confirmation_timeout = Duration::ZERO;
    hanging.swap.store(&hanging.data_dir()).unwrap();
    hanging.run_helper();
    hanging.assert_old_version("it did not serve within 0 s");

    let unusable = Fixture::new(SERVES);
    fs::set_permissions(
        unusable.swap.folder.join("proxy.new"),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    unusable.run_helper();
    unusable.assert_old_version("it could not be started");
}

#[test]
fn w11_a_helper_that_is_killed_in_a_step_is_continued_by_the_next_start() {
    let save = |swap: &mut Swap, data_dir: &Path| {
        saved_data::save(data_dir, &saved_data_dir(data_dir)).unwrap();
        swap.keep_old_files().unwrap();
    };
    let rename = |swap: &Swap, from: &str, to: &str| {
        fs::rename(swap.folder.join(from), swap.folder.join(to)).unwrap();
    };
    let update = Fixture::new(SERVES);
    fs::create_dir(saved_data_dir(&update.data_dir())).unwrap();
    fs::write(update.swap.folder.join("proxy.old"), "half").unwrap();
    assert_eq!(update.check(), StartCheck::Interrupted);
    update.run_helper();
    update.assert_new_version();

    for (step, replaced) in [
        (SwapStep::Replacing, &["proxy"][..]),
        (SwapStep::Replacing, &["proxy", "desktop"]),
        (SwapStep::Confirming, &["proxy", "desktop"]),
    ] {
        let mut update = Fixture::new(SERVES);
        let data_dir = update.data_dir();
        save(&mut update.swap, &data_dir);
        for name in replaced {
            rename(&update.swap, &format!("{name}.new"), name);
        }
        update.swap.begin(step, &data_dir).unwrap();
        assert_eq!(update.check(), StartCheck::Interrupted);
        update.run_helper();
        update.assert_new_version();
    }

    let mut update = Fixture::new(CRASHES);
    let data_dir = update.data_dir();
    save(&mut update.swap, &data_dir);
    update.swap.install_files(NEW_SUFFIX).unwrap();
    fs::write(data_dir.join("settings.toml"), "new").unwrap();
    rename(&update.swap, "desktop.old", "desktop");
    update.swap.begin(SwapStep::Reverting { reason: "it crashed".to_owned() }, &data_dir).unwrap();
    assert_eq!(update.check(), StartCheck::Interrupted);
    update.run_helper();
    update.assert_old_version("it crashed");
}

#[test]
fn w11_a_start_beside_the_helper_waits_for_it_and_no_second_helper_works() {
    let update = Fixture::new(SERVES);
    let lock = lock_helper(&update.data_dir()).unwrap().unwrap();
    assert_eq!(update.check(), StartCheck::Busy);
    assert_eq!(run_helper(&update.data_dir()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    drop(lock);
    assert_eq!(update.check(), StartCheck::Interrupted);
}

#[test]
fn w11_a_version_that_served_stays_though_its_helper_was_killed() {
    let mut update = Fixture::new(SERVES);
    let data_dir = update.data_dir();
    update.swap.keep_old_files().unwrap();
    update.swap.install_files(NEW_SUFFIX).unwrap();
    update.swap.begin(SwapStep::Confirming, &data_dir).unwrap();
    confirm(&data_dir).unwrap();
    assert_eq!(update.check(), StartCheck::Start);
    update.assert_new_version();
}

#[test]
fn a_library_that_is_new_in_a_version_is_installed() {
    let mut update = Fixture::new(SERVES);
    write_script(&update.swap.folder.join("library.new"), SERVES);
    update.swap.files.push("library".to_owned());
    update.swap.store(&update.data_dir()).unwrap();
    update.run_helper();
    let names = ["desktop", "library", "proxy"].map(str::to_owned).to_vec();
    assert_eq!(update.installed(SERVES), (names, true));
}

#[test]
fn a_helper_that_remains_of_an_update_is_removed_by_the_next_start() {
    let update = Fixture::new(SERVES);
    update.run_helper();
    // As on Windows, where the file of a running program cannot be removed.
    fs::create_dir(update_dir(&update.data_dir())).unwrap();
    fs::write(update_dir(&update.data_dir()).join("helper.exe"), "").unwrap();
    assert_eq!(update.check(), StartCheck::Start);
    assert!(!update_dir(&update.data_dir()).exists());
}

#[test]
fn w11_an_update_that_cannot_be_finished_does_not_keep_the_program_from_its_start() {
    let mut update = Fixture::new(SERVES);
    update.swap.helper_starts = MAX_HELPER_STARTS;
    update.swap.store(&update.data_dir()).unwrap();
    let StartCheck::StartReverted { reason, .. } = update.check() else { panic!("it starts") };
    assert!(reason.contains("too often"), "{reason}");
    assert_eq!(update.check(), StartCheck::Start);
    fs::create_dir(update_dir(&update.data_dir())).unwrap();
    fs::write(state_path(&update.data_dir()), "{").unwrap();
    assert_eq!(update.check(), StartCheck::Start, "what is no state is none");
}

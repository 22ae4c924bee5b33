//! Tests of man pages and shell completions, as packages contain them.

use crate::support::{cli_in, stderr_text};

#[tokio::test]
async fn every_command_has_a_man_page_and_every_shell_a_completion() {
    let dir = tempfile::tempdir().unwrap();
    let share = dir.path().join("share");
    let ended = cli_in(dir.path(), &["generate", share.to_str().unwrap()]).await;
    assert!(ended.status.success(), "{}", stderr_text(&ended));
    let read = |name: &str| std::fs::read_to_string(share.join(name)).unwrap();
    for command in ["serve", "status", "doctor", "accounts-add", "keys-list", "port", "logs", "export"] {
        let page = read(&format!("man/man1/mammouth-proxy-{command}.1"));
        assert!(page.contains(".SH OPTIONS"), "{command}");
    }
    assert!(read("man/man1/mammouth-proxy-desktop.1").contains("hidden"));
    let completions =
        ["bash-completion/completions/mammouth-proxy", "fish/vendor_completions.d/mammouth-proxy.fish"];
    for file in completions.into_iter().chain(["zsh/vendor-completions/_mammouth-proxy"]) {
        assert!(read(file).contains("accounts"), "{file}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let ended = cli_in(dir.path(), &["generate", file.to_str().unwrap()]).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(stderr_text(&ended).contains(file.to_str().unwrap()), "{}", stderr_text(&ended));
}

//! Units of systemd, with the texts of the packages' units and the path of this program.

use std::path::Path;

use super::{Definition, Invocation, Service, Step};

const UNIT_NAME: &str = "mammouth-proxy.service";
const USER_UNIT: &str = include_str!("../../../../../packaging/linux/systemd/user/mammouth-proxy.service");
const SYSTEM_UNIT: &str =
    include_str!("../../../../../packaging/linux/systemd/system/mammouth-proxy.service");
/// Command that the packages' units start.
const PACKAGED_COMMAND: &str = "/usr/bin/mammouth-proxy serve";
/// Folder of the packages' units.
const PACKAGED_UNITS: &str = "/usr/lib/systemd";

/// Returns the unit of a user, in the user's configuration folder.
pub(super) fn user_service(invocation: &Invocation, config_dir: &Path) -> Service {
    let folder = config_dir.join("systemd/user");
    let notes = vec![
        "it runs while you are logged in; 'loginctl enable-linger' lets it run from the start of the machine on"
            .to_owned(),
        "what it says: journalctl --user -u mammouth-proxy".to_owned(),
    ];
    unit(invocation, USER_UNIT, &folder, "user", &["--user"], notes)
}

/// Returns the unit of the machine, which runs as a system user of its own.
pub(super) fn system_service(invocation: &Invocation) -> Service {
    let notes = vec![
        "secrets are read from mammouth-proxy.cookies, mammouth-proxy.api-keys and mammouth-proxy.auth-token in \
         /etc/credstore, at its start"
            .to_owned(),
        "what it says: journalctl -u mammouth-proxy; its commands: sudo mammouth-proxy --data-dir \
         /var/lib/mammouth-proxy status"
            .to_owned(),
    ];
    unit(invocation, SYSTEM_UNIT, Path::new("/etc/systemd/system"), "system", &[], notes)
}

fn unit(
    invocation: &Invocation,
    template: &str,
    folder: &Path,
    kind: &str,
    manager: &[&str],
    notes: Vec<String>,
) -> Service {
    let systemctl = |args: &[&str]| Step::new("systemctl", &[manager, args].concat());
    let command = command_line(invocation);
    let is_packaged =
        command == PACKAGED_COMMAND && Path::new(PACKAGED_UNITS).join(kind).join(UNIT_NAME).exists();
    let definition = Definition {
        path: folder.join(UNIT_NAME),
        text: template.replace(PACKAGED_COMMAND, &command),
        is_utf16: false,
    };
    Service {
        definition: (!is_packaged).then_some(definition),
        start: vec![
            systemctl(&["daemon-reload"]),
            systemctl(&["enable", UNIT_NAME]),
            systemctl(&["restart", UNIT_NAME]),
        ],
        stop: vec![systemctl(&["disable", "--now", UNIT_NAME])],
        forget: vec![systemctl(&["daemon-reload"])],
        state: systemctl(&["status", "--no-pager", "--lines=0", UNIT_NAME]),
        notes,
    }
}

/// Returns the value of `ExecStart=` (systemd.service(5)). `$` begins a variable in arguments only.
fn command_line(invocation: &Invocation) -> String {
    let mut line = quoted(&invocation.program.display().to_string());
    for arg in &invocation.args {
        line.push(' ');
        line.push_str(&quoted(arg).replace('$', "$$"));
    }
    line
}

/// Quotes a word if needed. `%` begins a specifier, and quotes and backslashes are special inside quotes.
fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', r"\\").replace('"', "\\\"").replace('%', "%%");
    if escaped == word && !word.contains([' ', '\t', '\'', ';']) { escaped } else { format!("\"{escaped}\"") }
}

#[cfg(test)]
mod tests {
    use super::super::tests::invocation;
    use super::*;

    #[test]
    fn the_units_of_the_packages_are_those_that_are_installed() {
        let packaged = invocation("/usr/bin/mammouth-proxy", &["serve"]);
        for (template, service) in [
            (USER_UNIT, user_service(&packaged, Path::new("/home/ana/.config"))),
            (SYSTEM_UNIT, system_service(&packaged)),
        ] {
            assert_eq!(service.definition.unwrap().text, template);
        }
    }

    #[test]
    fn a_unit_starts_this_program_with_its_options() {
        let program = invocation("/opt/mp 1/mammouth-proxy", &["serve", "--data-dir", "/srv/100 %/$x"]);
        let service = user_service(&program, Path::new("/home/ana/.config"));
        let definition = service.definition.unwrap();
        assert_eq!(definition.path, Path::new("/home/ana/.config/systemd/user/mammouth-proxy.service"));
        let started = "ExecStart=\"/opt/mp 1/mammouth-proxy\" serve --data-dir \"/srv/100 %%/$$x\"\n";
        assert!(definition.text.contains(started), "{}", definition.text);
        let steps: Vec<String> = service.start.iter().map(Step::to_string).collect();
        assert_eq!(steps[0], "systemctl --user daemon-reload");
    }
}

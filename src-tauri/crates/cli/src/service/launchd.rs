//! An agent of launchd (launchd.plist(5)), which runs while its user is logged in.

use std::path::Path;

use super::{Definition, Invocation, Service, Step, xml_text};

pub(super) const LABEL: &str = "dev.mammouthproxy.MammouthProxy.service";

pub(super) fn agent(invocation: &Invocation, home: &Path, uid: u32) -> Service {
    let path = home.join(format!("Library/LaunchAgents/{LABEL}.plist"));
    let log = home.join("Library/Logs/mammouth-proxy.log");
    let (domain, target) = (format!("gui/{uid}"), format!("gui/{uid}/{LABEL}"));
    let file = path.display().to_string();
    let bootout = || Step::new("launchctl", &["bootout", &target]).may_fail();
    Service {
        definition: Some(Definition {
            path,
            text: plist(invocation, &log.display().to_string()),
            is_utf16: false,
        }),
        start: vec![bootout(), Step::new("launchctl", &["bootstrap", &domain, &file])],
        stop: vec![bootout()],
        forget: Vec::new(),
        state: Step::new("launchctl", &["print", &target]),
        notes: vec![format!("it runs while you are logged in; what it says: {}", log.display())],
    }
}

/// Returns the property list of an agent that starts at log-on and again after a failure.
fn plist(invocation: &Invocation, log: &str) -> String {
    let program = invocation.program.display().to_string();
    let words = std::iter::once(&program).chain(&invocation.args);
    let words: String = words.map(|word| format!("    <string>{}</string>\n", xml_text(word))).collect();
    let log = xml_text(log);
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>{LABEL}</string>
  <key>ProgramArguments</key>
  <array>
{words}  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <key>ExitTimeOut</key>
  <integer>20</integer>
  <key>StandardOutPath</key>
  <string>{log}</string>
  <key>StandardErrorPath</key>
  <string>{log}</string>
</dict>
</plist>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::invocation;
    use super::*;

    #[test]
    fn an_agent_starts_this_program_at_log_on() {
        let program =
            invocation("/Applications/R&D/mammouth-proxy", &["serve", "--data-dir", "/Users/ana/my data"]);
        let service = agent(&program, Path::new("/Users/ana"), 501);
        let definition = service.definition.unwrap();
        assert_eq!(definition.text, include_str!("golden/agent.plist"));
        let file = "/Users/ana/Library/LaunchAgents/dev.mammouthproxy.MammouthProxy.service.plist";
        assert_eq!(definition.path, Path::new(file));
        let steps: Vec<String> = service.start.iter().map(Step::to_string).collect();
        assert_eq!(
            steps,
            [
                "launchctl bootout gui/501/dev.mammouthproxy.MammouthProxy.service".to_owned(),
                format!("launchctl bootstrap gui/501 {file}"),
            ]
        );
    }
}

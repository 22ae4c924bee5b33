//! A task of Windows' Task Scheduler that runs at log-on. Unlike a Windows service it runs as the user, whose keychain
//! it can read, and needs no administrator.

use std::path::Path;

use super::{Definition, Invocation, Service, Step, xml_text};

const TASK_NAME: &str = "Mammouth Proxy";

/// Returns the service as a task. `user` is the user's name with its domain; the definition is written to
/// `folder`.
pub(super) fn task(invocation: &Invocation, user: &str, folder: &Path) -> Service {
    let path = folder.join("service.xml");
    let file = path.display().to_string();
    Service {
        definition: Some(Definition { path, text: task_xml(invocation, user), is_utf16: true }),
        start: vec![
            Step::new("schtasks", &["/End", "/TN", TASK_NAME]).may_fail(),
            Step::new("schtasks", &["/Create", "/TN", TASK_NAME, "/XML", &file, "/F"]),
            Step::new("schtasks", &["/Run", "/TN", TASK_NAME]),
        ],
        stop: vec![
            Step::new("schtasks", &["/End", "/TN", TASK_NAME]).may_fail(),
            Step::new("schtasks", &["/Delete", "/TN", TASK_NAME, "/F"]).may_fail(),
        ],
        forget: Vec::new(),
        state: Step::new("schtasks", &["/Query", "/TN", TASK_NAME, "/FO", "LIST"]),
        notes: vec!["it starts when you log on; closing its console window ends it".to_owned()],
    }
}

fn task_xml(invocation: &Invocation, user: &str) -> String {
    let program = xml_text(&invocation.program.display().to_string());
    let args: Vec<String> = invocation.args.iter().map(|arg| xml_text(&quoted(arg))).collect();
    let (args, user) = (args.join(" "), xml_text(user));
    format!(
        r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Mammouth Proxy, started when you log on</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>{user}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{user}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>3</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{program}</Command>
      <Arguments>{args}</Arguments>
    </Exec>
  </Actions>
</Task>
"#
    )
}

/// Quotes a word if needed. File names on Windows contain no quotes. A backslash before the closing quote
/// would escape it.
fn quoted(word: &str) -> String {
    if word.contains(' ') { format!("\"{}\"", word.trim_end_matches('\\')) } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::invocation;
    use super::*;

    #[test]
    fn a_task_starts_this_program_at_log_on() {
        let program =
            invocation(r"C:\Program Files\R&D\mammouth-proxy.exe", &["serve", "--data-dir", r"D:\my data\"]);
        let service = task(&program, r"BOX\ana", Path::new("folder"));
        let definition = service.definition.unwrap();
        assert_eq!(definition.text, include_str!("golden/task.xml"));
        assert!(definition.is_utf16);
        let steps: Vec<String> = service.stop.iter().map(Step::to_string).collect();
        assert_eq!(steps[1], "schtasks /Delete /TN \"Mammouth Proxy\" /F");
    }
}

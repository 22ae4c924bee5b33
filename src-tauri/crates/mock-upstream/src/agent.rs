//! Scripted model that uses tools: offered tools and the conversation in, text or calls out. Pure.
//!
//! Both upstreams use it; it is independent of their wire formats. The latest user message contains
//! instructions:
//!
//! - `call: NAME {JSON}` on a line of its own: a call of that tool with exactly these arguments; several lines are calls
//!   in parallel. The reply to their results repeats them as text.
//! - `step: NAME {JSON}` on a line of its own: the same, but several lines are called in sequence, each after the result
//!   of the one before.
//! - `edit: PATH :: OLD => NEW` on a line of its own: a change of the file, made as a coding agent does with the offered
//!   tools: read, change, report. `create: PATH :: TEXT` writes a new file.
//!
//! Agents wrap the user's text; in a message with other lines, the last such line counts.

mod file_tasks;

use serde_json::Value;

use file_tasks::FileTask;

/// A tool that the request offers.
#[derive(Debug, Clone)]
pub(super) struct OfferedTool {
    pub(super) name: String,
    /// JSON schema of the arguments; null where the tool takes free text.
    pub(super) parameters: Value,
}

/// A turn of the conversation.
#[derive(Debug, Clone)]
pub(super) enum AgentTurn {
    /// A message of the user.
    User(String),
    /// A call of the tool of this name.
    Called(String),
    /// The result of a call, in the order of the calls.
    Result(String),
}

/// The next output of the model.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AgentAction {
    Say(String),
    /// Calls: names with arguments, a string where the tool takes free text.
    Call(Vec<(String, Value)>),
}

/// The next output; `None` where the conversation has no instruction and the default reply is used.
pub(super) fn next_action(offers: &[OfferedTool], turns: &[AgentTurn]) -> Option<AgentAction> {
    let (instruction, turns_since) = latest_instruction(turns)?;
    let results: Vec<&str> = turns_since.iter().filter_map(tool_result).collect();
    let called: Vec<&str> = turns_since.iter().filter_map(called_tool).collect();
    match instruction {
        Instruction::Calls(calls) if called.is_empty() && results.is_empty() => {
            Some(AgentAction::Call(calls))
        }
        Instruction::Steps(steps) if called.len() < steps.len() => {
            Some(AgentAction::Call(vec![steps[called.len()].clone()]))
        }
        Instruction::Calls(_) | Instruction::Steps(_) => {
            Some(AgentAction::Say(format!("The tools said: {}", results.join(" | "))))
        }
        Instruction::Task(task) => task.next_action(offers, &called, &results),
    }
}

/// A call with sample values for all required arguments, where a call is required and no instruction names one.
pub(super) fn sample_call(offer: &OfferedTool) -> (String, Value) {
    file_tasks::build_call(offer, &[])
}

/// A sample value that is valid against a schema.
pub(super) fn sample_value(schema: &Value) -> Value {
    file_tasks::sample_value(schema)
}

enum Instruction {
    Calls(Vec<(String, Value)>),
    Steps(Vec<(String, Value)>),
    Task(FileTask),
}

/// The latest instruction, and the turns after it.
fn latest_instruction(turns: &[AgentTurn]) -> Option<(Instruction, &[AgentTurn])> {
    let orders = turns.iter().enumerate().rev().filter_map(|(at, turn)| match turn {
        AgentTurn::User(text) => Some((parse_instruction(text), text, at)),
        AgentTurn::Called(_) | AgentTurn::Result(_) => None,
    });
    // Some agents send a reminder as a separate message after the user's: then the message before it counts. A
    // message that follows the whole work is a new question. Reminders that are marked as such do not count at all.
    let is_reminder = |text: &str| text.starts_with("<system-reminder>");
    let mut candidates = orders.filter(|(order, text, _)| order.is_some() || !is_reminder(text)).take(3);
    candidates.find_map(|(order, _, at)| order.map(|order| (order, &turns[at + 1..])))
}

fn parse_instruction(text: &str) -> Option<Instruction> {
    let calls = |word: &str| -> Vec<_> {
        text.lines().filter_map(|line| parse_call(line.trim().strip_prefix(word)?)).collect()
    };
    let (calls, steps) = (calls("call:"), calls("step:"));
    if !calls.is_empty() {
        return Some(Instruction::Calls(calls));
    }
    if !steps.is_empty() {
        return Some(Instruction::Steps(steps));
    }
    text.lines().rev().find_map(|line| FileTask::parse(line.trim())).map(Instruction::Task)
}

fn parse_call(order: &str) -> Option<(String, Value)> {
    let rest = order.trim();
    let (name, arguments) = rest.split_once(' ').unwrap_or((rest, "{}"));
    Some((name.to_owned(), serde_json::from_str(arguments.trim()).ok()?))
}

fn tool_result(turn: &AgentTurn) -> Option<&str> {
    match turn {
        AgentTurn::Result(text) => Some(text),
        AgentTurn::User(_) | AgentTurn::Called(_) => None,
    }
}

fn called_tool(turn: &AgentTurn) -> Option<&str> {
    match turn {
        AgentTurn::Called(name) => Some(name),
        AgentTurn::User(_) | AgentTurn::Result(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offer(name: &str, properties: &[&str]) -> OfferedTool {
        let fields = properties.iter().map(|name| ((*name).to_owned(), json!({"type": "string"})));
        let fields: serde_json::Map<String, Value> = fields.collect();
        let parameters = json!({"type": "object", "properties": fields, "required": properties});
        OfferedTool { name: name.to_owned(), parameters }
    }

    fn user(text: &str) -> AgentTurn {
        AgentTurn::User(text.to_owned())
    }

    fn calls(made: Option<AgentAction>) -> Vec<(String, Value)> {
        match made {
            Some(AgentAction::Call(calls)) => calls,
            other => panic!("{other:?} where calls were wanted"),
        }
    }

    #[test]
    fn a_direct_call_is_made_once_and_its_result_reported() {
        let mut talk = vec![user("please\ncall: weather {\"city\": \"Paris\"}\ncall: time")];
        let wanted = vec![("weather".to_owned(), json!({"city": "Paris"})), ("time".to_owned(), json!({}))];
        assert_eq!(calls(next_action(&[], &talk)), wanted);
        talk.extend([AgentTurn::Called("weather".into()), AgentTurn::Called("time".into())]);
        talk.extend([AgentTurn::Result("sunny".into()), AgentTurn::Result("noon".into())]);
        assert_eq!(next_action(&[], &talk), Some(AgentAction::Say("The tools said: sunny | noon".into())));
        assert_eq!(next_action(&[], &[user("hello, call: nobody")]), None);
    }

    #[test]
    fn steps_are_made_one_after_another() {
        let mut talk =
            vec![user("step: one {\"n\": 1}\nstep: two"), user("<system-reminder>x</system-reminder>")];
        assert_eq!(calls(next_action(&[], &talk)), [("one".to_owned(), json!({"n": 1}))]);
        talk.extend([AgentTurn::Called("one".into()), AgentTurn::Result("a".into())]);
        assert_eq!(calls(next_action(&[], &talk)), [("two".to_owned(), json!({}))]);
        talk.extend([AgentTurn::Called("two".into()), AgentTurn::Result("b".into())]);
        assert_eq!(next_action(&[], &talk), Some(AgentAction::Say("The tools said: a | b".into())));
    }

    #[test]
    fn an_edit_is_read_made_and_reported() {
        let offers = [
            offer("Bash", &["command"]),
            offer("Read", &["file_path"]),
            offer("Edit", &["file_path", "old_string", "new_string"]),
        ];
        let mut talk = vec![user("<env>x</env>\nedit: /w/a.txt :: one => two"), user("a reminder")];
        let path = json!({"file_path": "/w/a.txt"});
        assert_eq!(calls(next_action(&offers, &talk)), [("Read".to_owned(), path)]);
        talk.extend([AgentTurn::Called("Read".into()), AgentTurn::Result("1\tone".into())]);
        let change = json!({"file_path": "/w/a.txt", "old_string": "one", "new_string": "two"});
        assert_eq!(calls(next_action(&offers, &talk)), [("Edit".to_owned(), change)]);
        talk.extend([AgentTurn::Called("Edit".into()), AgentTurn::Result("ok".into())]);
        assert!(
            matches!(next_action(&offers, &talk), Some(AgentAction::Say(text)) if text.contains("/w/a.txt"))
        );
    }

    #[test]
    fn only_quotes_around_the_whole_order_are_taken_off() {
        let edit = |order: &str| {
            calls(next_action(&[offer("edit", &["new_string"])], &[user(order)]))[0].1["new_string"].clone()
        };
        assert_eq!(edit("edit: a :: \"b\" => \"c\""), "\"c\"");
        assert_eq!(edit("\"edit: a :: b => c\""), "c");
    }

    #[test]
    fn a_shell_or_a_patch_is_enough() {
        let shell = OfferedTool {
            name: "shell".into(),
            parameters: json!({"properties": {"command": {"type": "array", "items": {"type": "string"}}}, "required": ["command"]}),
        };
        let talk = [
            user("edit: a.txt :: one/1 => two"),
            AgentTurn::Called("shell".into()),
            AgentTurn::Result("x".into()),
        ];
        let made = calls(next_action(std::slice::from_ref(&shell), &talk));
        assert_eq!(made[0].1, json!({"command": ["bash", "-lc", "sed -i 's/one\\/1/two/g' 'a.txt'"]}));
        let patch = OfferedTool { name: "apply_patch".into(), parameters: Value::Null };
        let made = calls(next_action(&[shell, patch], &talk));
        assert!(made[0].1.as_str().unwrap().contains("*** Update File: a.txt\n@@\n-one/1\n+two\n"));
        let made = calls(next_action(&[offer("exec", &["input"])], &talk[..1]));
        let script =
            "const result = await tools.exec_command({\"cmd\":\"cat 'a.txt'\"});\ntext(result.output);\n";
        assert_eq!(made[0].1, json!({"input": script}));
    }

    #[test]
    fn tools_that_take_lists_and_patches_of_whole_lines() {
        let list = |name: &str, list: &str, properties: &[&str]| {
            let item = offer("", properties).parameters;
            let parameters =
                json!({"properties": {list: {"type": "array", "items": item}}, "required": [list]});
            OfferedTool { name: name.into(), parameters }
        };
        let reader = list("read_files", "files", &["path"]);
        let mut talk = vec![user("edit: a.txt :: one => two")];
        let made =
            calls(next_action(&[reader.clone(), list("edit", "edits", &["oldText", "newText"])], &talk));
        assert_eq!(made[0].1, json!({"files": [{"path": "a.txt"}]}));
        talk.extend([
            AgentTurn::Called("read_files".into()),
            AgentTurn::Result("<content>\n1: no\n2: just one\n".into()),
        ]);
        let made =
            calls(next_action(&[reader.clone(), list("edit", "edits", &["oldText", "newText"])], &talk));
        assert_eq!(made[0].1, json!({"edits": [{"oldText": "one", "newText": "two"}]}));
        let offers = [reader, offer("apply_patch", &["patchText"])];
        let made = calls(next_action(&offers, &talk));
        assert!(made[0].1["patchText"].as_str().unwrap().contains("@@\n-just one\n+just two\n"));
        talk[2] = AgentTurn::Result(r#"[{"query": "a.txt", "result": "1 | no\n2 | just one"}]"#.into());
        let made = calls(next_action(&offers, &talk));
        assert!(made[0].1["patchText"].as_str().unwrap().contains("@@\n-just one\n+just two\n"));
    }

    #[test]
    fn without_a_tool_for_it_the_model_says_so() {
        let offers = [offer("web_search", &["query"])];
        assert!(
            matches!(next_action(&offers, &[user("edit: a :: b => c")]), Some(AgentAction::Say(text)) if text.contains("no tool"))
        );
    }
}

//! Speed of the tool parser on one thread: megabytes a second of CPU time, for kinds of replies and two
//! lengths of each. The second length shows a parser that becomes slower as a reply grows.

use std::fmt::Write as _;

use prompted_tools::ReplyParser;
use protocol::{Request, Tool};
use rustix::time::{ClockId, clock_gettime};

/// Size of a chunk of the reply, bytes.
const SLICE_BYTES: usize = 64;

/// Parser speed for one kind of reply.
#[derive(Debug)]
pub(crate) struct ParserSpeed {
    pub(crate) kind: &'static str,
    /// Megabytes a second for a short and a long reply.
    pub(crate) short: f64,
    pub(crate) long: f64,
    pub(crate) short_bytes: usize,
    pub(crate) long_bytes: usize,
}

pub(crate) fn measure(quick: bool) -> Vec<ParserSpeed> {
    let (short, long) = if quick { (64 * 1024, 512 * 1024) } else { (1024 * 1024, 7 * 1024 * 1024) };
    let prose =
        "The mammoth walks over the steppe, and the wind is cold; it has `fur`.\nIt eats 300 kg a day.\n\n";
    let code = "```rust\nfn main() { let x: Vec<Option<u8>> = vec![]; println!(\"{x:?}\"); }\n```\nif a < b { c[0] }\n";
    let markup =
        "<table><tr><td>1</td><td><a href=\"x\">y</a></td></tr></table>\n<tool_box>{\"name\": \"x\"}\n";
    let kinds: [(&'static str, &str); 3] = [("prose", prose), ("code", code), ("markup", markup)];
    let mut rows: Vec<ParserSpeed> = kinds
        .into_iter()
        .map(|(kind, unit)| measure_kind(kind, &|bytes| unit.repeat(bytes / unit.len()), short, long))
        .collect();
    rows.push(measure_kind("one long call", &call_reply, short, long));
    rows.push(measure_kind(
        "many calls",
        &|bytes| call_reply(200).repeat(bytes / call_reply(200).len()),
        short,
        long,
    ));
    rows
}

/// A reply that is one call with arguments of this size in bytes.
fn call_reply(bytes: usize) -> String {
    let mut content = String::new();
    while content.len() < bytes {
        // Writing to a string cannot fail.
        let _ = write!(content, "let a = \\\"b{}\\\"; // 中文 </tool_call>\\n", content.len());
    }
    format!(
        "<tool_call>\n{{\"name\": \"write\", \"arguments\": {{\"content\": \"{content}\"}}}}\n</tool_call>\n"
    )
}

fn measure_kind(
    kind: &'static str,
    reply: &dyn Fn(usize) -> String,
    short: usize,
    long: usize,
) -> ParserSpeed {
    let (short, long) = (reply(short), reply(long));
    ParserSpeed {
        kind,
        short: megabytes_a_second(&short),
        long: megabytes_a_second(&long),
        short_bytes: short.len(),
        long_bytes: long.len(),
    }
}

/// The best of three runs: interference only makes a run slower.
fn megabytes_a_second(reply: &str) -> f64 {
    let parameters = serde_json::json!({"type": "object", "properties": {"content": {"type": "string"}}});
    let tool = Tool { name: "write".to_owned(), description: None, parameters, strict: false };
    let request = Request { tools: vec![tool], ..Request::default() };
    let slices = slices(reply);
    let runs = (0..3).map(|_| {
        let mut parser = ReplyParser::new(&request);
        let mut parts = Vec::new();
        let began = cpu_seconds();
        for slice in &slices {
            parser.push((*slice).to_owned(), &mut parts);
            parts.clear();
        }
        parser.finish(&mut parts);
        reply.len() as f64 / 1e6 / (cpu_seconds() - began)
    });
    runs.fold(0.0, f64::max)
}

/// CPU time of the calling thread, so that other work on the machine does not count.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn slices(text: &str) -> Vec<&str> {
    let mut rest = text;
    let mut slices = Vec::new();
    while !rest.is_empty() {
        let (slice, after) = rest.split_at(rest.ceil_char_boundary(SLICE_BYTES));
        slices.push(slice);
        rest = after;
    }
    slices
}

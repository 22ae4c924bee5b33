//! A whole reply as it comes: thoughts, text and calls in their order, and what has to be asked once more.

use std::sync::Arc;

use super::offer::Offer;
use super::parser::{Parser, Piece};
use super::think::{Split, Think};
use super::{format, prompt};
use crate::chat::{Request, ResponseFormat, ToolChoice};

/// The most that is held back of a reply: what follows a broken call, or an answer in JSON. More passes as it is.
const LONGEST_HELD: usize = 8 * 1024 * 1024;
/// How much of a reply without its call is repeated to the model.
const LONGEST_SAID: usize = 16 * 1024;

/// The note on a call or an answer that was too complex to be checked against its schema.
const UNCHECKED: &str = "unchecked";

/// A piece of a reply, in the client's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Text(String),
    Reasoning(String),
    Call { name: String, arguments: String },
}

/// What a model is asked once more: what it said, and the words that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub said: String,
    pub ask: String,
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    BrokenCall,
    NoCall,
    Json,
}

/// Takes a reply and gives what it says.
#[derive(Debug)]
pub struct Hearing {
    offer: Arc<Offer>,
    think: Think,
    /// Only where tools are offered.
    parser: Option<Parser>,
    /// Only where the answer is to be JSON.
    format: Option<ResponseFormat>,
    /// The answer in JSON so far.
    held: String,
    /// The first broken call and all that follows it.
    later: Vec<Piece>,
    later_bytes: usize,
    /// What was said in place of a call that has to be made.
    said: String,
    called: bool,
    asked: Option<About>,
    note: Option<&'static str>,
    /// Something was too complex to be checked, beside what the parser knows of.
    unchecked: bool,
}

impl Hearing {
    pub fn of(request: &Request) -> Self {
        let offer = Arc::new(Offer::of(request));
        let parser = (!offer.is_empty()).then(|| Parser::new(Arc::clone(&offer)));
        let format = Some(request.format.clone()).filter(|format| *format != ResponseFormat::Text);
        Self {
            offer,
            think: Think::default(),
            parser,
            format,
            held: String::new(),
            later: Vec::new(),
            later_bytes: 0,
            said: String::new(),
            called: false,
            asked: None,
            note: None,
            unchecked: false,
        }
    }

    /// Takes the next text.
    pub fn push(&mut self, text: String, heard: &mut Vec<Heard>) {
        let split = self.think.push(text);
        self.split(split, heard);
    }

    /// Whether something waits for [`Hearing::resume`], to be called on a thread for blocking work.
    pub fn is_postponed(&self) -> bool {
        self.parser.as_ref().is_some_and(Parser::is_postponed)
    }

    /// Does what [`Hearing::push`] postponed because it takes long.
    pub fn resume(&mut self, heard: &mut Vec<Heard>) {
        let mut pieces = Vec::new();
        if let Some(parser) = &mut self.parser {
            parser.resume(&mut pieces);
        }
        pieces.into_iter().for_each(|piece| self.take(piece, heard));
    }

    /// Whether [`Hearing::finish`] may take long, so that it belongs on a thread for blocking work.
    pub fn finishes_slowly(&self) -> bool {
        !self.held.is_empty() || self.parser.as_ref().is_some_and(Parser::is_in_block)
    }

    /// Whether nothing that still comes matters.
    pub fn is_over(&self) -> bool {
        self.parser.as_ref().is_some_and(Parser::is_over) && self.later.is_empty()
    }

    /// Whether the model called something.
    pub fn called(&self) -> bool {
        self.called
    }

    /// What the log has to know. It holds nothing of the conversation.
    pub fn note(&self) -> Option<&'static str> {
        let unchecked = self.unchecked || self.parser.as_ref().is_some_and(Parser::is_unchecked);
        self.note.or(unchecked.then_some(UNCHECKED))
    }

    /// Says that the reply is over; gives what has to be asked once more.
    pub fn finish(&mut self, heard: &mut Vec<Heard>) -> Option<Question> {
        let split = self.think.finish();
        self.split(split, heard);
        let mut pieces = Vec::new();
        if let Some(parser) = &mut self.parser {
            parser.finish(&mut pieces);
        }
        pieces.into_iter().for_each(|piece| self.take(piece, heard));
        let question = self.question(heard);
        if question.is_none() && !self.held.is_empty() {
            heard.push(Heard::Text(std::mem::take(&mut self.held)));
        }
        question
    }

    /// Takes what the model answered to the question, or why it was not asked. The rest of the reply is given. May take
    /// long.
    pub fn answer(&mut self, reply: Option<String>, heard: &mut Vec<Heard>) {
        match self.asked.take() {
            Some(About::BrokenCall) => self.corrected(reply, heard),
            Some(About::NoCall) => match reply.and_then(|reply| self.calls_of(reply)) {
                Some(calls) => calls.into_iter().for_each(|piece| self.take(piece, heard)),
                None => self.note = Some("no_call"),
            },
            Some(About::Json) => {
                let wish = self.format.take().unwrap_or_default();
                let held = std::mem::take(&mut self.held);
                let json = reply.and_then(|reply| format::json(&spoken(reply), &wish).ok());
                match &json {
                    None => self.note = Some("not_json"),
                    Some(json) => self.unchecked |= json.unchecked,
                }
                let json = json.map(|json| json.text);
                heard.extend(Some(json.unwrap_or(held)).filter(|text| !text.is_empty()).map(Heard::Text));
            }
            None => {}
        }
    }

    fn split(&mut self, Split { thought, said }: Split, heard: &mut Vec<Heard>) {
        if !thought.is_empty() {
            heard.push(Heard::Reasoning(thought));
        }
        if said.is_empty() {
            return;
        }
        let Some(parser) = &mut self.parser else { return self.say(said, heard) };
        let mut pieces = Vec::new();
        parser.push(&said, &mut pieces);
        pieces.into_iter().for_each(|piece| self.take(piece, heard));
    }

    fn take(&mut self, piece: Piece, heard: &mut Vec<Heard>) {
        if !self.later.is_empty() || matches!(piece, Piece::Broken { .. }) {
            self.later_bytes += piece.len();
            self.later.push(piece);
            if self.later_bytes > LONGEST_HELD {
                self.corrected(None, heard);
            }
            return;
        }
        match piece {
            Piece::Text(text) | Piece::Broken { text, .. } => self.say(text, heard),
            Piece::Call(call) => {
                if !self.held.is_empty() {
                    heard.push(Heard::Text(std::mem::take(&mut self.held)));
                }
                self.called = true;
                heard.push(Heard::Call { name: call.name, arguments: call.arguments });
            }
        }
    }

    fn say(&mut self, text: String, heard: &mut Vec<Heard>) {
        if self.must_call() && self.said.len() < LONGEST_SAID {
            self.said.push_str(&text[..text.floor_char_boundary(LONGEST_SAID)]);
        }
        if self.format.is_none() || self.called {
            heard.push(Heard::Text(text));
            return;
        }
        self.held.push_str(&text);
        if self.held.len() > LONGEST_HELD {
            self.format = None;
            self.note = Some("json_unchecked");
            heard.push(Heard::Text(std::mem::take(&mut self.held)));
        }
    }

    fn must_call(&self) -> bool {
        matches!(self.offer.choice, ToolChoice::Required | ToolChoice::Named(_)) && !self.offer.is_empty()
    }

    fn question(&mut self, heard: &mut Vec<Heard>) -> Option<Question> {
        if !self.later.is_empty() {
            let broken = || {
                self.later.iter().filter_map(|piece| match piece {
                    Piece::Broken { text, why } => Some((text.as_str(), why.as_str())),
                    Piece::Text(_) | Piece::Call(_) => None,
                })
            };
            let said =
                broken().map(|(text, _)| text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
            let ask = prompt::call_again(&broken().map(|(_, why)| why).collect::<Vec<_>>());
            self.asked = Some(About::BrokenCall);
            return Some(Question { said, ask });
        }
        if self.must_call() && !self.called {
            self.asked = Some(About::NoCall);
            let said = std::mem::take(&mut self.said);
            return Some(Question { said, ask: prompt::call_at_all(&self.offer.choice) });
        }
        let wish = self.format.as_ref().filter(|_| !self.called)?;
        match format::json(&self.held, wish) {
            Ok(json) => {
                self.held.clear();
                self.unchecked |= json.unchecked;
                heard.push(Heard::Text(json.text));
                None
            }
            Err(why) => {
                self.asked = Some(About::Json);
                Some(Question { said: self.held.clone(), ask: prompt::json_again(&why) })
            }
        }
    }

    /// The calls of a second reply, if it holds good ones and no broken one. Its words are for us, not for the client.
    fn calls_of(&mut self, reply: String) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        let mut parser = Parser::new(Arc::clone(&self.offer));
        parser.push(&spoken(reply), &mut pieces);
        parser.finish(&mut pieces);
        self.unchecked |= parser.is_unchecked();
        let broken = pieces.iter().any(|piece| matches!(piece, Piece::Broken { .. }));
        pieces.retain(|piece| matches!(piece, Piece::Call(_)));
        (!broken && !pieces.is_empty()).then_some(pieces)
    }

    /// Puts corrected calls in the place of the first broken one, or gives the broken ones back as text.
    fn corrected(&mut self, reply: Option<String>, heard: &mut Vec<Heard>) {
        let calls = reply.and_then(|reply| self.calls_of(reply));
        if calls.is_none() {
            self.note = Some("broken_call");
        }
        let mut calls = calls.map(Vec::into_iter);
        for piece in std::mem::take(&mut self.later) {
            match (piece, &mut calls) {
                (Piece::Broken { .. }, Some(calls)) => {
                    calls.by_ref().collect::<Vec<_>>().into_iter().for_each(|call| self.take(call, heard));
                }
                (Piece::Broken { text, .. }, None) if text.is_empty() => {}
                (Piece::Broken { text, .. }, None) => self.say(text, heard),
                (piece, _) => self.take(piece, heard),
            }
        }
        self.later_bytes = 0;
    }
}

/// A second reply without what the model thought.
fn spoken(reply: String) -> String {
    let mut think = Think::default();
    let mut said = think.push(reply).said;
    said.push_str(&think.finish().said);
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::Tool;

    const GOOD: &str =
        "<tool_call>\n{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}\n</tool_call>";
    const BROKEN: &str = "<tool_call>\n{\"name\": \"bash\", \"arguments\": {\"cmd\": \"ls\"}}\n</tool_call>";

    fn request() -> Request {
        let parameters = json!({"type": "object", "required": ["command"],
            "properties": {"command": {"type": "string"}}});
        let tool = Tool { name: "bash".into(), description: None, parameters, strict: false };
        Request { tools: vec![tool], ..Request::default() }
    }

    fn hear(hearing: &mut Hearing, text: &str) -> (Vec<Heard>, Option<Question>) {
        let mut heard = Vec::new();
        hearing.push(text.to_owned(), &mut heard);
        let question = hearing.finish(&mut heard);
        (heard, question)
    }

    fn text(text: &str) -> Heard {
        Heard::Text(text.to_owned())
    }

    fn call() -> Heard {
        Heard::Call { name: "bash".into(), arguments: "{\"command\": \"ls\"}".into() }
    }

    #[test]
    fn thoughts_text_and_calls_come_in_their_order() {
        let mut hearing = Hearing::of(&request());
        let (heard, question) = hear(&mut hearing, &format!("<think>hm</think>\nI look.\n{GOOD}"));
        assert_eq!(heard, [Heard::Reasoning("hm".into()), text("I look.\n"), call()]);
        assert!(question.is_none() && hearing.called() && hearing.note().is_none());
    }

    #[test]
    fn a_broken_call_is_asked_for_once_more_and_takes_its_place() {
        let mut hearing = Hearing::of(&request());
        let (mut heard, question) = hear(&mut hearing, &format!("One.\n{BROKEN}\nTwo.\n{GOOD}"));
        assert_eq!(heard, [text("One.\n")]);
        let question = question.unwrap();
        assert!(question.said == BROKEN && question.ask.contains("\"command\""));
        hearing.answer(Some(format!("Sorry!\n{GOOD}")), &mut heard);
        assert_eq!(heard, [text("One.\n"), call(), text("\nTwo.\n"), call()]);
        assert!(hearing.called() && hearing.note().is_none());
    }

    #[test]
    fn what_stays_broken_comes_back_as_text_with_a_note() {
        for reply in [None, Some(BROKEN.to_owned()), Some("I cannot.".to_owned())] {
            let mut hearing = Hearing::of(&request());
            let (mut heard, question) = hear(&mut hearing, BROKEN);
            assert!(question.is_some());
            hearing.answer(reply, &mut heard);
            assert_eq!(heard, [text(BROKEN)]);
            assert!(!hearing.called() && hearing.note().is_some());
        }
    }

    #[test]
    fn a_call_that_has_to_be_made_is_asked_for() {
        let mut hearing = Hearing::of(&Request { tool_choice: ToolChoice::Required, ..request() });
        let (mut heard, question) = hear(&mut hearing, "I would rather not.");
        assert_eq!(question.unwrap().said, "I would rather not.");
        hearing.answer(Some(GOOD.to_owned()), &mut heard);
        assert_eq!(heard, [text("I would rather not."), call()]);
        assert!(hearing.called());
    }

    #[test]
    fn json_is_held_until_it_is_right() {
        let wish = Request { format: ResponseFormat::JsonObject, ..Request::default() };
        let mut hearing = Hearing::of(&wish);
        assert_eq!(hear(&mut hearing, "Here: {\"a\": 1}!"), (vec![text("{\"a\": 1}")], None));
        let mut hearing = Hearing::of(&wish);
        let (mut heard, question) = hear(&mut hearing, "none");
        assert!(heard.is_empty() && question.is_some());
        hearing.answer(Some("```json\n{}\n```".to_owned()), &mut heard);
        assert_eq!((heard, hearing.note()), (vec![text("{}")], None));
        let mut hearing = Hearing::of(&wish);
        let (mut heard, _) = hear(&mut hearing, "none");
        hearing.answer(None, &mut heard);
        assert!(heard == [text("none")] && hearing.note().is_some());
    }

    #[test]
    fn one_call_ends_a_reply_that_may_hold_one() {
        let mut hearing = Hearing::of(&Request { single_tool_call: true, ..request() });
        let mut heard = Vec::new();
        hearing.push(format!("{GOOD}{GOOD} and more"), &mut heard);
        assert!(hearing.is_over() && heard == [call()]);
    }
}

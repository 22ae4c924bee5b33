//! Layout of a client's messages as the site's turns. The site has no roles: turns alternate, the user's first and
//! last, so a missing turn would make the model read its own words as the user's.

use std::borrow::Cow;

use super::site_protocol::{CONTINUE_PROMPT, EMPTY_TURN_CONTENT};
use prompted_tools::History;
use protocol::{Message, Part, Request, Role};

/// Layout of a conversation in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LayoutMode {
    /// One form part per turn.
    #[default]
    Turns,
    /// The whole conversation as one user turn, with the role before each text.
    Transcript,
}

/// A conversation as the site expects it.
#[derive(Debug, PartialEq)]
pub(super) struct PromptLayout<'a> {
    /// All system messages in order, separated by blank lines, then the description of the tools.
    pub(super) preprompt: Cow<'a, str>,
    /// User, assistant, user, …, user.
    pub(super) turns: Vec<SiteTurn<'a>>,
}

/// One turn. The content is never empty.
#[derive(Debug, PartialEq)]
pub(super) struct SiteTurn<'a> {
    pub(super) content: Cow<'a, str>,
    /// Only [`Part::Image`] and [`Part::ImageLink`].
    pub(super) images: Vec<&'a Part>,
}

/// Lays out a request. Images of system messages open the user's first turn, because the preprompt is text only.
pub(super) fn lay_out(request: &Request, layout: LayoutMode) -> PromptLayout<'_> {
    let history = History::new(&request.messages);
    let (system, conversation): (Vec<&Message>, Vec<_>) =
        request.messages.iter().partition(|message| message.role == Role::System);
    let mut system = SiteTurn::from_messages(system, &history);
    append(&mut system.content, prompted_tools::instructions(request).into());
    let mut turns = match layout {
        LayoutMode::Turns => alternate(&conversation, &history),
        LayoutMode::Transcript => vec![transcript_turn(&conversation, &history)],
    };
    turns[0].images.splice(0..0, system.images);
    for turn in turns.iter_mut().filter(|turn| turn.content.is_empty()) {
        turn.content = Cow::Borrowed(EMPTY_TURN_CONTENT);
    }
    PromptLayout { preprompt: system.content, turns }
}

impl<'a> SiteTurn<'a> {
    fn from_messages(messages: impl IntoIterator<Item = &'a Message>, history: &History<'a>) -> Self {
        let mut turn = Self::with_text("");
        let mut parts: Vec<&Part> = messages.into_iter().flat_map(|message| &message.parts).collect();
        order_results(&mut parts, history);
        for part in parts {
            match part {
                Part::Text(text) => append(&mut turn.content, text.into()),
                Part::Image(_) | Part::ImageLink(_) => turn.images.push(part),
                Part::Call(call) => append(&mut turn.content, History::format_call(call).into()),
                Part::Result(result) => {
                    append(&mut turn.content, history.format_result(result).into());
                    let images = result.parts.iter();
                    turn.images
                        .extend(images.filter(|part| matches!(part, Part::Image(_) | Part::ImageLink(_))));
                }
                Part::File(file) => append(&mut turn.content, file.placeholder_text().into()),
                // The site accepts no reasoning.
                Part::Reasoning(_) => {}
            }
        }
        turn
    }

    fn with_text(text: &'a str) -> Self {
        Self { content: Cow::Borrowed(text), images: Vec::new() }
    }
}

/// Sorts tool results in the order of their calls.
fn order_results<'a>(parts: &mut [&'a Part], history: &History<'_>) {
    let indexes: Vec<usize> = (0..parts.len()).filter(|at| matches!(parts[*at], Part::Result(_))).collect();
    let mut results: Vec<&'a Part> = indexes.iter().map(|at| parts[*at]).collect();
    results.sort_by_key(|part| history.position(part));
    for (at, result) in indexes.into_iter().zip(results) {
        parts[at] = result;
    }
}

fn append<'a>(content: &mut Cow<'a, str>, text: Cow<'a, str>) {
    if content.is_empty() {
        *content = text;
    } else if !text.is_empty() {
        let content = content.to_mut();
        content.push_str("\n\n");
        content.push_str(&text);
    }
}

fn has_same_role(one: &&Message, other: &&Message) -> bool {
    one.role == other.role
}

fn alternate<'a>(conversation: &[&'a Message], history: &History<'a>) -> Vec<SiteTurn<'a>> {
    let is_assistant = |message: Option<&&Message>| message.is_some_and(|it| it.role == Role::Assistant);
    let mut turns = Vec::with_capacity(conversation.len() + 2);
    if conversation.is_empty() || is_assistant(conversation.first()) {
        turns.push(SiteTurn::with_text(EMPTY_TURN_CONTENT));
    }
    turns.extend(
        conversation
            .chunk_by(has_same_role)
            .map(|messages| SiteTurn::from_messages(messages.iter().copied(), history)),
    );
    if is_assistant(conversation.last()) {
        turns.push(SiteTurn::with_text(CONTINUE_PROMPT));
    }
    turns
}

fn transcript_turn<'a>(conversation: &[&'a Message], history: &History<'a>) -> SiteTurn<'a> {
    let mut merged = SiteTurn::with_text("");
    for messages in conversation.chunk_by(has_same_role) {
        let label = if messages[0].role == Role::Assistant { "Assistant: " } else { "User: " };
        let turn = SiteTurn::from_messages(messages.iter().copied(), history);
        let content = merged.content.to_mut();
        if !content.is_empty() {
            content.push_str("\n\n");
        }
        content.push_str(label);
        content.push_str(&turn.content);
        merged.images.extend(turn.images);
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use protocol::ImageLink;

    fn request(messages: Vec<Message>) -> Request {
        Request { messages, ..Request::default() }
    }

    fn says(role: Role, text: &str) -> Message {
        Message { role, parts: vec![Part::Text(text.to_owned())] }
    }

    fn link(name: &str) -> Part {
        Part::ImageLink(ImageLink {
            url: format!("https://example.com/{name}").parse().unwrap(),
            detail: None,
        })
    }

    fn contents(messages: Vec<Message>, layout: LayoutMode) -> (String, Vec<String>) {
        let request = request(messages);
        let laid = lay_out(&request, layout);
        let texts = laid.turns.iter().map(|turn| turn.content.to_string()).collect();
        (laid.preprompt.into_owned(), texts)
    }

    use Role::{Assistant, System, User};

    #[test]
    fn system_messages_anywhere_become_the_preprompt() {
        let messages = vec![says(System, "a"), says(User, "hi"), says(System, "b"), says(User, "there")];
        assert_eq!(contents(messages, LayoutMode::Turns), ("a\n\nb".into(), vec!["hi\n\nthere".into()]));
    }

    #[test]
    fn a_leading_or_trailing_assistant_turn_gets_a_user_turn() {
        let messages = vec![says(Assistant, "hello")];
        assert_eq!(contents(messages, LayoutMode::Turns).1, [".", "hello", "Continue."]);
        assert_eq!(contents(vec![], LayoutMode::Turns).1, ["."]);
        assert_eq!(
            contents(vec![says(System, "only")], LayoutMode::Turns),
            ("only".into(), vec![".".into()])
        );
    }

    #[test]
    fn empty_content_becomes_a_dot_and_keeps_its_images() {
        let message = Message { role: User, parts: vec![Part::Text(String::new()), link("a"), link("b")] };
        let request = request(vec![message]);
        let turns = lay_out(&request, LayoutMode::Turns).turns;
        assert_eq!(turns[0].content, ".");
        assert_eq!(turns[0].images, [&link("a"), &link("b")]);
    }

    #[test]
    fn f28_an_image_of_a_system_message_is_not_left_out() {
        let system = Message { role: System, parts: vec![link("a")] };
        let user = Message { role: User, parts: vec![link("b")] };
        let request = request(vec![system, user]);
        assert_eq!(lay_out(&request, LayoutMode::Turns).turns[0].images, [&link("a"), &link("b")]);
    }

    #[test]
    fn a_transcript_names_the_roles_in_one_turn() {
        let messages = vec![says(User, "hi"), says(Assistant, "yes?"), says(User, "a"), says(User, "b")];
        let (_, texts) = contents(messages, LayoutMode::Transcript);
        assert_eq!(texts, ["User: hi\n\nAssistant: yes?\n\nUser: a\n\nb"]);
        assert_eq!(contents(vec![], LayoutMode::Transcript).1, ["."]);
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let role = prop_oneof![Just(System), Just(User), Just(Assistant)];
        let part = prop_oneof!["[a-z]{0,3}".prop_map(Part::Text), "[a-z]{1,3}".prop_map(|name| link(&name))];
        (role, prop::collection::vec(part, 0..3)).prop_map(|(role, parts)| Message { role, parts })
    }

    fn texts_of(messages: &[Message], wanted: impl Fn(Role) -> bool) -> Vec<&str> {
        let parts = messages.iter().filter(|message| wanted(message.role)).flat_map(|message| &message.parts);
        parts
            .filter_map(|part| match part {
                Part::Text(text) => (!text.is_empty()).then_some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    fn said(turns: &[SiteTurn<'_>]) -> Vec<String> {
        let texts = turns.iter().flat_map(|turn| turn.content.split("\n\n"));
        texts
            .filter(|text| ![EMPTY_TURN_CONTENT, CONTINUE_PROMPT].contains(text))
            .map(str::to_owned)
            .collect()
    }

    proptest! {
        #[test]
        fn turns_alternate_and_keep_all_text(messages in prop::collection::vec(any_message(), 0..12)) {
            let request = request(messages);
            let PromptLayout { preprompt, turns } = lay_out(&request, LayoutMode::Turns);
            prop_assert_eq!(turns.len() % 2, 1);
            prop_assert!(turns.iter().all(|turn| !turn.content.is_empty()));
            let (users, assistants): (Vec<_>, Vec<_>) = turns.into_iter().enumerate().partition(|(at, _)| at % 2 == 0);
            let strip = |side: Vec<(usize, SiteTurn<'_>)>| said(&side.into_iter().map(|(_, turn)| turn).collect::<Vec<_>>());
            prop_assert_eq!(strip(users), texts_of(&request.messages, |role| role == User));
            prop_assert_eq!(strip(assistants), texts_of(&request.messages, |role| role == Assistant));
            prop_assert_eq!(preprompt, texts_of(&request.messages, |role| role == System).join("\n\n"));
        }

        #[test]
        fn both_layout_modes_keep_every_image_in_order(messages in prop::collection::vec(any_message(), 0..12)) {
            let request = request(messages);
            let images = |role: fn(Role) -> bool| request.messages.iter().filter(move |message| role(message.role))
                .flat_map(|message| &message.parts).filter(|part| matches!(part, Part::ImageLink(_)));
            let sent: Vec<_> = images(|role| role == System).chain(images(|role| role != System)).collect();
            for layout in [LayoutMode::Turns, LayoutMode::Transcript] {
                let laid = lay_out(&request, layout);
                let kept: Vec<_> = laid.turns.iter().flat_map(|turn| turn.images.iter().copied()).collect();
                prop_assert_eq!(&kept, &sent);
            }
        }
    }
}

//! Properties that hold for every file of the corpus.

use mammouth_client_setup::{DriftChoice, Format};
use proptest::prelude::*;
use proptest::sample::select;

use crate::corpus::{self, VARIATIONS, all, comment, file_of, vary};
use crate::support::{KEY, PORT, TestHome, client, connection_at};

/// A home folder in which the client's first file has `text`.
fn home_with(id: &str, text: &str) -> (TestHome, std::path::PathBuf) {
    let home = TestHome::with(id);
    let path = file_of(&home, id).path;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    (home, path)
}

fn read(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A change by the user that touches no value of the set-up; the same before and after it.
fn edit(text: &str, format: Format) -> String {
    let (mark, body) = text.strip_prefix('\u{feff}').map_or(("", text), |body| ("\u{feff}", body));
    let line = comment(format).map_or(String::new(), |comment| format!("{comment} later\n"));
    let body = match format {
        Format::Json | Format::Jsonc | Format::Json5 => body.replace("user", "changed"),
        Format::Toml => format!("{}\n[added_later]\nx = 1\n", body.replace("user", "changed")),
        Format::Yaml if body.trim().is_empty() || body.trim_start().starts_with('#') => body.to_owned(),
        Format::Yaml | Format::Dotenv => body.replace("user", "changed"),
    };
    let front = if body.starts_with("---") { String::new() } else { line };
    format!("{mark}{front}{body}")
}

fn check(id: &str, format: Format, text: &str) {
    let (home, path) = home_with(id, text);
    let before = home.tree();
    home.set_up(id).unwrap_or_else(|error| panic!("{id}: {error}\n{text}"));
    let set_up = read(&path);

    assert!(
        !home.plan(id).unwrap().changes_anything(),
        "{id}: a second set-up changes it\n{text}\n---\n{set_up}"
    );

    home.set_up_for(id, &connection_at(PORT + 1)).unwrap();
    let moved = read(&path);
    assert_eq!(
        moved.replace(&(PORT + 1).to_string(), &PORT.to_string()),
        set_up,
        "{id}: more than the port changed"
    );
    home.set_up(id).unwrap();
    assert_eq!(read(&path), set_up);

    home.undo(id).unwrap_or_else(|error| panic!("{id}: {error}\n{set_up}"));
    assert!(home.tree() == before, "{id}: undo left\n{}\n--- of\n{text}\n--- after\n{set_up}", read(&path));

    home.set_up(id).unwrap();
    std::fs::write(&path, edit(&read(&path), format)).unwrap();
    let edited = read(&path);
    home.undo(id).unwrap_or_else(|error| panic!("{id}: {error}\n{edited}"));
    assert_eq!(read(&path), edit(text, format), "{id}: the edit was not kept\n{text}\n---\n{edited}");
}

#[test]
fn every_json_file_is_set_up_moved_edited_and_undone() {
    check_all(|format| matches!(format, Format::Json | Format::Jsonc | Format::Json5));
}

#[test]
fn every_toml_file_is_set_up_moved_edited_and_undone() {
    check_all(|format| matches!(format, Format::Toml | Format::Dotenv));
}

#[test]
fn every_yaml_file_is_set_up_moved_edited_and_undone() {
    check_all(|format| format == Format::Yaml);
}

fn check_all(formats: impl Fn(Format) -> bool) {
    for (id, format, text) in all().into_iter().filter(|(_, format, _)| formats(*format)) {
        check(id, format, &text);
    }
}

/// Arbitrary JSON values, with the keys of the set-up among their own.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    let key = prop_oneof![Just("env".to_owned()), Just("ANTHROPIC_BASE_URL".to_owned()), ".{0,5}"];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(key.clone(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn variations_add_up(base in select(corpus::bases().collect::<Vec<_>>()), picked in prop::collection::vec(select(VARIATIONS.to_vec()), 1..4)) {
        let format = file_of(&TestHome::with(base.client), base.client).format;
        let mut text = base.text.to_owned();
        for variation in picked {
            // A byte order mark counts only at the start.
            if !text.starts_with('\u{feff}') && let Some(varied) = vary(&text, format, variation) {
                text = varied;
            }
        }
        check(base.client, format, &text);
    }

    #[test]
    fn any_json_is_undone_or_untouched(value in any_json(), pretty in any::<bool>()) {
        let value = if value.is_object() { value } else { serde_json::json!({ "odd": value }) };
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let (home, path) = home_with("claude-code", &text);
        if home.set_up("claude-code").is_ok() {
            prop_assert!(read(&path).contains(KEY));
            home.undo("claude-code").unwrap();
        }
        prop_assert_eq!(read(&path), text);
    }

    #[test]
    fn a_file_cut_anywhere_is_set_up_or_untouched(base in select(corpus::bases().collect::<Vec<_>>()), cut in 0.0..1.0f64) {
        let mut end = (base.text.len() as f64 * cut) as usize;
        while !base.text.is_char_boundary(end) {
            end -= 1;
        }
        let text = &base.text[..end];
        let (home, path) = home_with(base.client, text);
        let before = home.tree();
        if home.set_up(base.client).is_ok() {
            home.undo(base.client).unwrap();
        }
        prop_assert_eq!(read(&path), text);
        prop_assert!(home.tree() == before);
    }
}

#[test]
fn a_file_that_is_not_there_is_created_and_removed_with_its_folders() {
    for client in mammouth_client_setup::clients::all() {
        let home = TestHome::with(client.id);
        if home.plan(client.id).is_err() {
            continue;
        }
        home.set_up(client.id).unwrap();
        assert!(!home.tree().is_empty(), "{}", client.id);
        home.undo(client.id).unwrap_or_else(|error| panic!("{}: {error}", client.id));
        assert!(home.tree().is_empty(), "{}: {:?}", client.id, home.tree().keys());
    }
}

#[test]
fn no_key_shows_in_a_plan() {
    for (id, _, text) in all() {
        let (home, _) = home_with(id, &text);
        let plan = home.plan(id).unwrap();
        let shown = format!("{plan:?}{}", serde_json::to_string(&plan.view()).unwrap());
        assert!(!shown.contains(KEY) && !shown.contains("sk-other"), "{id}: {shown}");
        home.set_up(id).unwrap();
        let undo = home.setup().plan_undo(client(id), DriftChoice::Ask).unwrap();
        assert!(!format!("{undo:?}").contains(KEY), "{id}: {undo:?}");
    }
}

#[test]
fn every_client_has_its_own_id_and_a_way() {
    let mut ids = std::collections::HashSet::new();
    for one in mammouth_client_setup::clients::all() {
        assert!(ids.insert(one.id), "{} twice", one.id);
        assert!(std::ptr::eq(client(one.id), *one));
        let home = TestHome::with(one.id);
        let way = home.plan(one.id).is_ok() || one.launch.is_some() || one.deep_link.is_some();
        assert!(way || one.why_not.is_some(), "{}: no way and no reason", one.id);
    }
}

//! From the menu as a value to the system's menu, and the least change from one to the next: a menu that is built anew
//! closes under the user's hand.

use tauri::menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::{AppHandle, Wry};

use super::menu::{Action, Item};

/// The system's side of a menu.
pub(super) struct Drawn {
    pub(super) menu: Menu<Wry>,
    entries: Vec<Entry>,
    shown: Vec<Item>,
}

enum Entry {
    Plain(MenuItem<Wry>),
    Choice(CheckMenuItem<Wry>),
    Under(Submenu<Wry>, Vec<Entry>),
    Line(PredefinedMenuItem<Wry>),
}

impl Entry {
    fn item(&self) -> &dyn IsMenuItem<Wry> {
        match self {
            Self::Plain(item) => item,
            Self::Choice(item) => item,
            Self::Under(item, _) => item,
            Self::Line(item) => item,
        }
    }
}

impl Drawn {
    /// Builds a menu. The ids of its entries begin with `generation`, so that a late click on an older menu means nothing.
    pub(super) fn new(app: &AppHandle, generation: u32, items: Vec<Item>) -> tauri::Result<Self> {
        let mut ids = Ids { generation, next: 0 };
        let entries = entries(app, &mut ids, &items)?;
        let menu = Menu::with_items(app, &all(&entries))?;
        Ok(Self { menu, entries, shown: items })
    }

    /// Changes texts and marks in place; `false` where the new menu has another shape.
    pub(super) fn change(&mut self, items: &[Item]) -> tauri::Result<bool> {
        if !same_shape(&self.shown, items) {
            return Ok(false);
        }
        change(&self.entries, &self.shown, items)?;
        self.shown = items.to_vec();
        Ok(true)
    }

    /// What the entry of this id does.
    pub(super) fn action(&self, generation: u32, id: &str) -> Option<Action> {
        let (of, index) = id.split_once('-')?;
        let index: usize = index.parse().ok()?;
        (of.parse() == Ok(generation)).then(|| actions(&self.shown).into_iter().nth(index).flatten())?
    }
}

struct Ids {
    generation: u32,
    next: u32,
}

impl Ids {
    fn next(&mut self) -> String {
        let id = format!("{}-{}", self.generation, self.next);
        self.next += 1;
        id
    }
}

fn entries(app: &AppHandle, ids: &mut Ids, items: &[Item]) -> tauri::Result<Vec<Entry>> {
    items.iter().map(|item| entry(app, ids, item)).collect()
}

fn entry(app: &AppHandle, ids: &mut Ids, item: &Item) -> tauri::Result<Entry> {
    let no_key = None::<&str>;
    Ok(match item {
        Item::Label(text) => Entry::Plain(MenuItem::with_id(app, ids.next(), escaped(text), false, no_key)?),
        Item::Do(text, _) => Entry::Plain(MenuItem::with_id(app, ids.next(), escaped(text), true, no_key)?),
        Item::Choice { text, on, .. } => {
            Entry::Choice(CheckMenuItem::with_id(app, ids.next(), escaped(text), true, *on, no_key)?)
        }
        Item::Under(text, items) => {
            let id = ids.next();
            let inner = entries(app, ids, items)?;
            Entry::Under(Submenu::with_id_and_items(app, id, escaped(text), true, &all(&inner))?, inner)
        }
        Item::Line => Entry::Line(PredefinedMenuItem::separator(app)?),
    })
}

fn all(entries: &[Entry]) -> Vec<&dyn IsMenuItem<Wry>> {
    entries.iter().map(Entry::item).collect()
}

/// `&` would underline the next letter.
fn escaped(text: &str) -> String {
    text.replace('&', "&&")
}

/// In the order in which [`Ids`] counts.
fn actions(items: &[Item]) -> Vec<Option<Action>> {
    let of = |item: &Item| match item {
        Item::Label(_) => vec![None],
        Item::Do(_, action) | Item::Choice { action, .. } => vec![Some(action.clone())],
        Item::Under(_, items) => std::iter::once(None).chain(actions(items)).collect(),
        Item::Line => Vec::new(),
    };
    items.iter().flat_map(of).collect()
}

fn same_shape(old: &[Item], new: &[Item]) -> bool {
    old.len() == new.len()
        && old.iter().zip(new).all(|(old, new)| match (old, new) {
            // The text of a submenu cannot be changed on Linux: muda sets it on a widget that does not show it.
            (Item::Under(before, old), Item::Under(after, new)) => before == after && same_shape(old, new),
            _ => std::mem::discriminant(old) == std::mem::discriminant(new),
        })
}

fn change(entries: &[Entry], old: &[Item], new: &[Item]) -> tauri::Result<()> {
    for ((entry, old), new) in entries.iter().zip(old).zip(new) {
        match (entry, new) {
            (Entry::Plain(item), Item::Label(text) | Item::Do(text, _)) if text_of(old) != Some(text) => {
                item.set_text(escaped(text))?;
            }
            (Entry::Choice(item), Item::Choice { text, on, .. }) => {
                if text_of(old) != Some(text) {
                    item.set_text(escaped(text))?;
                }
                // Always: the system has marked what was clicked, whether or not it came true.
                item.set_checked(*on)?;
            }
            (Entry::Under(_, entries), Item::Under(_, new)) => {
                let old = if let Item::Under(_, old) = old { old.as_slice() } else { &[] };
                change(entries, old, new)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn text_of(item: &Item) -> Option<&String> {
    match item {
        Item::Label(text) | Item::Do(text, _) | Item::Choice { text, .. } => Some(text),
        Item::Under(..) | Item::Line => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::place::Place;
    use super::*;

    fn open(text: &str, place: Place) -> Item {
        Item::Do(text.to_owned(), Action::Open(place))
    }

    #[test]
    fn actions_are_counted_as_ids_are() {
        let items = [
            Item::Label("a".to_owned()),
            Item::Line,
            Item::Under(
                "b".to_owned(),
                vec![open("c", Place::Accounts), Item::Line, open("d", Place::Requests)],
            ),
            open("e", Place::Settings),
        ];
        let places = [None, None, Some(Place::Accounts), Some(Place::Requests), Some(Place::Settings)];
        let expected: Vec<_> = places.into_iter().map(|place| place.map(Action::Open)).collect();
        assert_eq!(actions(&items), expected);
    }

    #[test]
    fn a_shape_is_kinds_nesting_and_the_names_of_submenus() {
        let menu = |name: &str, text: &str, inner: usize| {
            vec![Item::Under(name.to_owned(), vec![open(text, Place::Accounts); inner]), Item::Line]
        };
        assert!(same_shape(&menu("a", "x", 2), &menu("a", "y", 2)));
        assert!(!same_shape(&menu("a", "x", 2), &menu("b", "x", 2)));
        assert!(!same_shape(&menu("a", "x", 2), &menu("a", "x", 1)));
        assert!(!same_shape(&menu("a", "x", 2), &[Item::Line, Item::Line]));
    }
}

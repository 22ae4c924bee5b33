//! Native menu of the system. The menu is updated in place where possible, because a menu that is rebuilt
//! closes while the user reads it.

use tauri::menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::{AppHandle, Wry};

use super::menu::{MenuAction, MenuEntry};

/// The native menu and the value it was built from.
pub(super) struct NativeMenu {
    pub(super) menu: Menu<Wry>,
    entries: Vec<NativeItem>,
    current: Vec<MenuEntry>,
}

enum NativeItem {
    Plain(MenuItem<Wry>),
    Choice(CheckMenuItem<Wry>),
    Submenu(Submenu<Wry>, Vec<NativeItem>),
    Separator(PredefinedMenuItem<Wry>),
}

impl NativeItem {
    fn item(&self) -> &dyn IsMenuItem<Wry> {
        match self {
            Self::Plain(item) => item,
            Self::Choice(item) => item,
            Self::Submenu(item, _) => item,
            Self::Separator(item) => item,
        }
    }
}

impl NativeMenu {
    /// Builds a menu. The ids of its entries begin with `generation`, so that a late click on an older menu is ignored.
    pub(super) fn new(app: &AppHandle, generation: u32, items: Vec<MenuEntry>) -> tauri::Result<Self> {
        let mut ids = IdSequence { generation, next: 0 };
        let entries = build_items(app, &mut ids, &items)?;
        let menu = Menu::with_items(app, &as_menu_items(&entries))?;
        Ok(Self { menu, entries, current: items })
    }

    /// Updates texts and check marks in place. Returns `false` if the new menu has another structure and must be
    /// rebuilt.
    pub(super) fn update(&mut self, items: &[MenuEntry]) -> tauri::Result<bool> {
        if !same_shape(&self.current, items) {
            return Ok(false);
        }
        update_items(&self.entries, &self.current, items)?;
        self.current = items.to_vec();
        Ok(true)
    }

    /// The action of the entry with this id.
    pub(super) fn action(&self, generation: u32, id: &str) -> Option<MenuAction> {
        let (of, index) = id.split_once('-')?;
        let index: usize = index.parse().ok()?;
        (of.parse() == Ok(generation)).then(|| actions(&self.current).into_iter().nth(index).flatten())?
    }
}

struct IdSequence {
    generation: u32,
    next: u32,
}

impl IdSequence {
    fn next_id(&mut self) -> String {
        let id = format!("{}-{}", self.generation, self.next);
        self.next += 1;
        id
    }
}

fn build_items(app: &AppHandle, ids: &mut IdSequence, items: &[MenuEntry]) -> tauri::Result<Vec<NativeItem>> {
    items.iter().map(|item| build_item(app, ids, item)).collect()
}

fn build_item(app: &AppHandle, ids: &mut IdSequence, item: &MenuEntry) -> tauri::Result<NativeItem> {
    let no_key = None::<&str>;
    Ok(match item {
        MenuEntry::Label(text) => {
            NativeItem::Plain(MenuItem::with_id(app, ids.next_id(), escape_ampersands(text), false, no_key)?)
        }
        MenuEntry::Command(text, _) => {
            NativeItem::Plain(MenuItem::with_id(app, ids.next_id(), escape_ampersands(text), true, no_key)?)
        }
        MenuEntry::Choice { text, on, .. } => NativeItem::Choice(CheckMenuItem::with_id(
            app,
            ids.next_id(),
            escape_ampersands(text),
            true,
            *on,
            no_key,
        )?),
        MenuEntry::Submenu(text, items) => {
            let id = ids.next_id();
            let inner = build_items(app, ids, items)?;
            NativeItem::Submenu(
                Submenu::with_id_and_items(app, id, escape_ampersands(text), true, &as_menu_items(&inner))?,
                inner,
            )
        }
        MenuEntry::Separator => NativeItem::Separator(PredefinedMenuItem::separator(app)?),
    })
}

fn as_menu_items(entries: &[NativeItem]) -> Vec<&dyn IsMenuItem<Wry>> {
    entries.iter().map(NativeItem::item).collect()
}

/// Escapes `&`, which would underline the next letter.
fn escape_ampersands(text: &str) -> String {
    text.replace('&', "&&")
}

/// The actions of the entries, in the order in which [`IdSequence`] counts them.
fn actions(items: &[MenuEntry]) -> Vec<Option<MenuAction>> {
    let of = |item: &MenuEntry| match item {
        MenuEntry::Label(_) => vec![None],
        MenuEntry::Command(_, action) | MenuEntry::Choice { action, .. } => vec![Some(action.clone())],
        MenuEntry::Submenu(_, items) => std::iter::once(None).chain(actions(items)).collect(),
        MenuEntry::Separator => Vec::new(),
    };
    items.iter().flat_map(of).collect()
}

fn same_shape(old: &[MenuEntry], new: &[MenuEntry]) -> bool {
    old.len() == new.len()
        && old.iter().zip(new).all(|(old, new)| match (old, new) {
            // The text of a submenu cannot be changed on Linux: muda sets it on a widget that does not show it.
            (MenuEntry::Submenu(before, old), MenuEntry::Submenu(after, new)) => {
                before == after && same_shape(old, new)
            }
            _ => std::mem::discriminant(old) == std::mem::discriminant(new),
        })
}

fn update_items(entries: &[NativeItem], old: &[MenuEntry], new: &[MenuEntry]) -> tauri::Result<()> {
    for ((entry, old), new) in entries.iter().zip(old).zip(new) {
        match (entry, new) {
            (NativeItem::Plain(item), MenuEntry::Label(text) | MenuEntry::Command(text, _))
                if text_of(old) != Some(text) =>
            {
                item.set_text(escape_ampersands(text))?;
            }
            (NativeItem::Choice(item), MenuEntry::Choice { text, on, .. }) => {
                if text_of(old) != Some(text) {
                    item.set_text(escape_ampersands(text))?;
                }
                // Always set: the system has toggled the clicked checkbox, whether or not the action succeeded.
                item.set_checked(*on)?;
            }
            (NativeItem::Submenu(_, entries), MenuEntry::Submenu(_, new)) => {
                let old = if let MenuEntry::Submenu(_, old) = old { old.as_slice() } else { &[] };
                update_items(entries, old, new)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn text_of(item: &MenuEntry) -> Option<&String> {
    match item {
        MenuEntry::Label(text) | MenuEntry::Command(text, _) | MenuEntry::Choice { text, .. } => Some(text),
        MenuEntry::Submenu(..) | MenuEntry::Separator => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::window::WindowPage;
    use super::*;

    fn open(text: &str, place: WindowPage) -> MenuEntry {
        MenuEntry::Command(text.to_owned(), MenuAction::Open(place))
    }

    #[test]
    fn actions_are_counted_as_ids_are() {
        let items = [
            MenuEntry::Label("a".to_owned()),
            MenuEntry::Separator,
            MenuEntry::Submenu(
                "b".to_owned(),
                vec![open("c", WindowPage::Accounts), MenuEntry::Separator, open("d", WindowPage::Requests)],
            ),
            open("e", WindowPage::Settings),
        ];
        let places =
            [None, None, Some(WindowPage::Accounts), Some(WindowPage::Requests), Some(WindowPage::Settings)];
        let expected: Vec<_> = places.into_iter().map(|place| place.map(MenuAction::Open)).collect();
        assert_eq!(actions(&items), expected);
    }

    #[test]
    fn a_shape_is_kinds_nesting_and_the_names_of_submenus() {
        let menu = |name: &str, text: &str, inner: usize| {
            vec![
                MenuEntry::Submenu(name.to_owned(), vec![open(text, WindowPage::Accounts); inner]),
                MenuEntry::Separator,
            ]
        };
        assert!(same_shape(&menu("a", "x", 2), &menu("a", "y", 2)));
        assert!(!same_shape(&menu("a", "x", 2), &menu("b", "x", 2)));
        assert!(!same_shape(&menu("a", "x", 2), &menu("a", "x", 1)));
        assert!(!same_shape(&menu("a", "x", 2), &[MenuEntry::Separator, MenuEntry::Separator]));
    }
}

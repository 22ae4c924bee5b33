//! Edits of a TOML document that preserve all the rest of it.

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

/// Sets `value` at `path`. Missing tables are created, and the comment beside an old value is preserved.
/// `None` if the path is empty or leads through a value that is not a table.
pub(super) fn set_value(document: &mut DocumentMut, path: &[&str], mut value: Value) -> Option<()> {
    let (name, tables) = path.split_last()?;
    let mut item = document.as_item_mut();
    for table in tables {
        item = item.as_table_like_mut()?.entry(table).or_insert(Item::Table(Table::new()));
    }
    let place = item.as_table_like_mut()?.entry(name).or_insert(Item::None);
    if let Some(old) = place.as_value() {
        *value.decor_mut() = old.decor().clone();
    }
    *place = Item::Value(value);
    Some(())
}

/// Removes the value at `path`, if there is one. `None` as for [`set_value`].
pub(super) fn remove_value(document: &mut DocumentMut, path: &[&str]) -> Option<()> {
    let (name, tables) = path.split_last()?;
    let mut item = document.as_item_mut();
    for table in tables {
        match item.as_table_like_mut()?.get_mut(table) {
            Some(inner) => item = inner,
            None => return Some(()),
        }
    }
    item.as_table_like_mut()?.remove(name);
    Some(())
}
/// Returns the entries of a table that are texts.
pub(super) fn string_entries(document: &DocumentMut, table: &str) -> Vec<(String, String)> {
    let entries = document.get(table).and_then(Item::as_table_like);
    let entries = entries.into_iter().flat_map(TableLike::iter);
    entries.filter_map(|(key, item)| Some((key.to_owned(), item.as_str()?.to_owned()))).collect()
}

//! Matching of model names that differ only in their date. Pure.

use super::super::api_key::ModelCatalog;

/// Returns, of the ids of the same model as `name`, the one without a date, else the latest. `None` if `name` has no
/// date.
pub(crate) fn nearest<'a>(name: &str, ids: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = without_date(name).filter(|base| !base.is_empty())?;
    let same = ids.filter(|id| *id == wanted || without_date(id) == Some(wanted));
    same.max_by_key(|id| (*id == wanted, *id))
}

/// Returns the same as [`nearest`] for the ids of a catalog. Ids with another beginning are not read.
pub(crate) fn nearest_in_catalog<'a>(name: &'a str, catalog: &'a ModelCatalog) -> Option<&'a str> {
    nearest(name, catalog.ids_starting_with(without_date(name)?))
}

/// Returns the name without its date: `-20250929`, `-2025-09-29` or `-latest`.
fn without_date(name: &str) -> Option<&str> {
    if let Some(base) = name.strip_suffix("-latest") {
        return Some(base);
    }
    let dated = |length: usize| {
        let (base, date) = name.split_at_checked(name.len().checked_sub(length)?)?;
        let digits: String = date.strip_prefix('-')?.chars().filter(|c| *c != '-').collect();
        let is_date =
            digits.len() == 8 && digits.starts_with("20") && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_date.then_some(base)
    };
    dated("-2025-09-29".len()).or_else(|| dated("-20250929".len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_undated_one_is_nearest_then_the_latest() {
        let ids = ["m-20250101", "m-2025-06-01", "m-x-20250101", "other"];
        assert_eq!(nearest("m-20240101", ids.into_iter()), Some("m-20250101"));
        assert_eq!(nearest("m-latest", ["m", "m-20990101"].into_iter()), Some("m"));
        for name in ["m", "n-20250101", "m-1234", "-20250101", "é", "m-2025-é9-29"] {
            assert_eq!(nearest(name, ids.into_iter()), None, "{name}");
        }
    }

    #[test]
    fn of_a_catalog_the_same_one_is_nearest() {
        let ids = ["a", "m", "m-20250101", "m-2025-06-01", "m-x-20250101", "mm", "z"];
        let list: Vec<_> = ids.iter().map(|id| serde_json::json!({ "id": id })).collect();
        let list = serde_json::json!({ "data": list });
        let catalog = ModelCatalog::from_lists(Some(&list), None, std::time::SystemTime::UNIX_EPOCH);
        for name in ["m-20240101", "m-latest", "m-x-latest", "m", "n-20250101", "-latest", "zz-latest"] {
            assert_eq!(nearest_in_catalog(name, &catalog), nearest(name, ids.into_iter()), "{name}");
        }
    }
}

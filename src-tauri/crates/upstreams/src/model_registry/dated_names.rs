//! Matching of model names that differ only in their date. Pure.

/// Of the ids that are the same model as `name`, the one without a date, else the latest. `None` where `name` has no
/// date itself: then it says what it means.
pub(crate) fn nearest<'a>(name: &str, ids: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = without_date(name).filter(|base| !base.is_empty())?;
    let same = ids.filter(|id| *id == wanted || without_date(id) == Some(wanted));
    same.max_by_key(|id| (*id == wanted, *id))
}

/// The name without its date: `-20250929`, `-2025-09-29` or `-latest`.
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
}

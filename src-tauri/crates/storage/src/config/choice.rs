//! Settings with a fixed set of values, each written as one word.

/// Type of a setting whose values are written as words. The first value is the default.
pub trait Choice: Copy + 'static {
    const WORDS: &'static [&'static str];
    const VALUES: &'static [Self];

    /// Returns the word for the value in the settings file, in the window and on the command line.
    fn word(self) -> &'static str;

    /// Returns the value for a word.
    fn from_word(word: &str) -> Option<Self> {
        Self::VALUES.iter().copied().find(|value| value.word() == word)
    }
}

/// Implements `Choice` with a word for each variant. A variant without a word does not compile.
macro_rules! choice {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $crate::config::Choice for $type {
            const WORDS: &'static [&'static str] = &[$($word),+];
            const VALUES: &'static [Self] = &[$(Self::$variant),+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

pub(super) use choice;

/// Joins words as `a, b or c`.
pub(super) fn joined(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{KindPreference, Language, LayoutSetting, Strategy, Theme, TrayIcon};
    use super::*;

    /// Checks that serde's names of the values, which the window uses, are the words of the settings file.
    fn check<T: Choice + Default + PartialEq + serde::Serialize + std::fmt::Debug>() {
        let words: Vec<_> = T::VALUES.iter().map(|value| serde_json::to_value(value).unwrap()).collect();
        assert_eq!(words, T::WORDS);
        assert_eq!(T::VALUES[0], T::default());
        for value in T::VALUES {
            assert_eq!(T::from_word(value.word()), Some(*value));
        }
        assert_eq!(T::from_word("canary"), None);
    }

    #[test]
    fn words_are_the_same_everywhere_and_the_first_is_the_default() {
        check::<Strategy>();
        check::<KindPreference>();
        check::<LayoutSetting>();
        check::<Language>();
        check::<Theme>();
        check::<TrayIcon>();
    }

    #[test]
    fn words_are_joined_as_in_a_sentence() {
        assert_eq!(joined(&["a"]), "a");
        assert_eq!(joined(&["a", "b", "c"]), "a, b or c");
    }
}

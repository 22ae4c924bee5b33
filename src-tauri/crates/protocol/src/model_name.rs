//! The check of model names.

/// Maximum length of a model's name, in characters.
pub const MAX_MODEL_NAME_CHARACTERS: usize = 200;

/// Whether `name` is a valid model name: 1 to 200 characters, none of them a control
/// character, because it goes into headers and log lines.
pub fn is_model_name(name: &str) -> bool {
    let is_short = name.chars().nth(MAX_MODEL_NAME_CHARACTERS).is_none();
    !name.is_empty() && is_short && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_counted_in_characters() {
        assert!(is_model_name("m") && is_model_name(&"é".repeat(200)));
        assert!(!is_model_name(&"é".repeat(201)));
    }

    #[test]
    fn p14_names_that_could_break_a_part_are_refused() {
        assert!(is_model_name("fireworks-llama-4.0 \"maverick\";"));
        for name in ["", "a\r\nb", "a\0", "\u{7f}", &"x".repeat(201)] {
            assert!(!is_model_name(name), "{name:?}");
        }
    }
}

//! Stop sequences, applied by the proxy because the web upstream has none.

/// Streaming filter that ends a text before the first stop sequence that is complete. The result does not depend on how
/// the text is split.
///
/// Of two sequences that are complete at the same character, the longer one counts.
#[derive(Debug)]
pub struct StopSequenceFilter {
    stops: Vec<String>,
    /// The end of the text so far that may be the beginning of a stop sequence.
    held_back: String,
}

/// Output of the filter for a delta.
#[derive(Debug, PartialEq, Eq)]
pub struct StopFilterOutput {
    pub text: String,
    /// The stop sequence that was met; `text` is then the last output.
    pub matched: Option<String>,
}

impl StopSequenceFilter {
    /// Creates a filter. Empty sequences are ignored.
    pub fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        Self { stops, held_back: String::new() }
    }

    /// Filters the next delta.
    pub fn push(&mut self, piece: String) -> StopFilterOutput {
        if self.stops.is_empty() {
            return StopFilterOutput { text: piece, matched: None };
        }
        let mut text = std::mem::take(&mut self.held_back);
        text.push_str(&piece);
        if let Some((start, stop)) = self.find_first_stop(&text) {
            let met = Some(stop.to_owned());
            text.truncate(start);
            return StopFilterOutput { text, matched: met };
        }
        self.held_back = text.split_off(self.undecided_start(&text));
        StopFilterOutput { text, matched: None }
    }

    /// Returns the text held back; called at the end of the text.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held_back)
    }

    /// Offset and text of the stop sequence that ends first.
    fn find_first_stop(&self, text: &str) -> Option<(usize, &str)> {
        let found =
            self.stops.iter().filter_map(|stop| text.find(stop).map(|at| (at + stop.len(), at, stop)));
        found.min().map(|(_, start, stop)| (start, stop.as_str()))
    }

    /// Offset of the longest suffix that is a prefix of a stop sequence.
    fn undecided_start(&self, text: &str) -> usize {
        let tails = self.stops.iter().filter_map(|stop| {
            let lengths = stop.char_indices().map(|(at, _)| at).filter(|at| (1..=text.len()).contains(at));
            lengths.filter(|at| text.as_bytes().ends_with(&stop.as_bytes()[..*at])).max()
        });
        text.len() - tails.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule on the whole text: the stop that ends first, the longer one on a tie.
    fn expected_cut(text: &str, stops: &[String]) -> (String, Option<String>) {
        let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
        for end in ends {
            let hit = stops.iter().filter(|s| !s.is_empty() && text[..end].ends_with(s.as_str()));
            if let Some(stop) = hit.max_by_key(|s| s.len()) {
                return (text[..end - stop.len()].to_owned(), Some(stop.clone()));
            }
        }
        (text.to_owned(), None)
    }

    fn filter_pieces(pieces: &[String], stops: &[String]) -> (String, Option<String>) {
        let mut cutter = StopSequenceFilter::new(stops);
        let mut out = String::new();
        for piece in pieces {
            let StopFilterOutput { text, matched: met } = cutter.push(piece.clone());
            out.push_str(&text);
            if met.is_some() {
                return (out, met);
            }
        }
        out.push_str(&cutter.finish());
        (out, None)
    }

    proptest! {
        #[test]
        fn any_chunking_cuts_where_the_whole_text_would(
            pieces in prop::collection::vec("[abé🦣]{0,6}", 0..12),
            stops in prop::collection::vec("[abé🦣]{0,4}", 0..4),
        ) {
            prop_assert_eq!(filter_pieces(&pieces, &stops), expected_cut(&pieces.concat(), &stops));
        }
    }

    #[test]
    fn holds_back_only_what_may_become_a_stop() {
        let mut cutter = StopSequenceFilter::new(&["###".to_owned()]);
        assert_eq!(cutter.push("title #".to_owned()).text, "title ");
        assert_eq!(cutter.push("1 ##".to_owned()).text, "#1 ");
        assert_eq!(
            cutter.push("# never".to_owned()),
            StopFilterOutput { text: String::new(), matched: Some("###".to_owned()) }
        );
    }

    #[test]
    fn without_stops_text_passes_untouched() {
        let mut cutter = StopSequenceFilter::new(&[String::new()]);
        assert_eq!(cutter.push("any".to_owned()), StopFilterOutput { text: "any".to_owned(), matched: None });
        assert_eq!(cutter.finish(), "");
    }
}

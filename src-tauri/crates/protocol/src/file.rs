//! Documents that are neither text nor image, such as a PDF.

/// A document of a request. Only an upstream with an API of its own can show it to a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// File name without control characters, safe in a line of text.
    pub name: String,
    /// Content as a data URL.
    pub data: String,
}

impl File {
    /// Returns the text that replaces the file where the upstream accepts none, so that the model does not
    /// guess its content.
    pub fn placeholder_text(&self) -> String {
        format!("(the file {}, whose contents cannot be shown to you here)", self.name)
    }
}

//! Documents that are neither text nor image, such as a PDF.

/// A document as it came with the request. Only an upstream with an API of its own can show it to a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, fit for a line of text.
    pub name: String,
    /// A data URL.
    pub data: String,
}

impl File {
    /// What a model reads in its place, so that it knows of the file and does not guess what stands in it.
    pub fn placeholder_text(&self) -> String {
        format!("(the file {}, whose contents cannot be shown to you here)", self.name)
    }
}

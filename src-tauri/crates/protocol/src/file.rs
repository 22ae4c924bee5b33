//! Documents that are neither text nor image, such as a PDF.

/// A document as it came with the request. Only an upstream with an API of its own can show it to a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// File name without control characters; may stand in a line of text.
    pub name: String,
    /// Content as a data URL.
    pub data: String,
}

impl File {
    /// Text that stands for the file where an upstream takes none, so that the model does not guess its content.
    pub fn placeholder_text(&self) -> String {
        format!("(the file {}, whose contents cannot be shown to you here)", self.name)
    }
}

//! Paths of other APIs that are not served. The error names what is served instead, and does not repeat the requested
//! path.

/// An API that is not served, with its paths.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnservedApi {
    /// The path prefix, without the `/v1` that is optional in requests.
    prefix: &'static str,
    /// The path as the error message shows it.
    shown: &'static str,
    what: &'static str,
}

const UNSERVED_APIS: [UnservedApi; 8] = [
    UnservedApi { prefix: "/v1beta/", shown: "/v1beta/…", what: "Gemini's API is not spoken here" },
    UnservedApi { prefix: "/images/", shown: "/v1/images/…", what: "images are not made or edited here" },
    UnservedApi { prefix: "/audio/", shown: "/v1/audio/…", what: "speech is not made or transcribed here" },
    UnservedApi { prefix: "/realtime", shown: "/v1/realtime", what: "the Realtime API is not spoken here" },
    UnservedApi { prefix: "/files", shown: "/v1/files", what: "files are not stored here" },
    UnservedApi { prefix: "/batches", shown: "/v1/batches", what: "batches are not run here" },
    UnservedApi { prefix: "/moderations", shown: "/v1/moderations", what: "texts are not moderated here" },
    UnservedApi {
        prefix: "/assistants",
        shown: "/v1/assistants",
        what: "the Assistants API is not spoken here",
    },
];
const SERVED: &str = "OpenAI's /v1/chat/completions, /v1/responses, /v1/completions, /v1/embeddings and /v1/models, \
                      Anthropic's /v1/messages, and Ollama's /api/chat, /api/generate, /api/embed and /api/tags";

/// Finds the API that a path belongs to.
pub(super) fn find_unserved(path: &str) -> Option<&'static UnservedApi> {
    let own = path.trim_start_matches('/').strip_prefix("v1/").unwrap_or(path.trim_start_matches('/'));
    UNSERVED_APIS.iter().find(|unserved| own.starts_with(unserved.prefix.trim_start_matches('/')))
}

/// The error message for a path that is not served.
pub(super) fn not_found_message(known: Option<&UnservedApi>) -> String {
    match known {
        Some(UnservedApi { shown, what, .. }) => {
            format!("there is nothing at {shown}: {what}. Served are {SERVED}")
        }
        None => format!("there is nothing at this path. Served are {SERVED}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_other_apis_are_known_with_and_without_v1() {
        let shown = |path| find_unserved(path).map(|unserved| unserved.shown);
        assert_eq!(shown("/v1beta/models/gemini-2.5-pro:generateContent"), Some("/v1beta/…"));
        for path in ["/v1/images/generations", "/images/edits", "//v1/images/generations"] {
            assert_eq!(shown(path), Some("/v1/images/…"), "{path}");
        }
        assert_eq!(shown("/v1/audio/transcriptions"), Some("/v1/audio/…"));
        for path in ["/", "/v1/other", "/v1betamax", "/images", "/chat/images/x"] {
            assert_eq!(shown(path), None, "{path}");
        }
    }
}

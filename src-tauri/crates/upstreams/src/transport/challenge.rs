//! Marks of browser checks (bot challenges) that stand before both upstreams.

/// Header that Cloudflare sends with a challenge; the value is `challenge`
/// (<https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/>).
pub(crate) const CLOUDFLARE_CHALLENGE_HEADER: &str = "cf-mitigated";

/// Text of Cloudflare's challenge pages, in lower case.
pub(crate) const CLOUDFLARE_CHALLENGE_MARKS: [&str; 6] = [
    "just a moment...",
    "challenge-platform",
    "cf-chl",
    "attention required! | cloudflare",
    "checking your browser",
    "error code: 1020",
];

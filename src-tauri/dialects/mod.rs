//! The dialects room.

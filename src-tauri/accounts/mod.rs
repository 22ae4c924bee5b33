//! The accounts room.

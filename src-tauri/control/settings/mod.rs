//! `settings.…`: what the user can change, with what it is now and where that comes from.

mod view;

pub use view::{SettingFrom, SettingKind, SettingValue, SettingView};

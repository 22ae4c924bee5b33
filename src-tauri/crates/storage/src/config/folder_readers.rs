//! Groups of other users that may read a folder on Windows. The system's own `icacls` reads the access list, since Rust
//! has no safe library for it. Elsewhere the mode of the folder is set instead.

use std::path::Path;

/// Groups that hold accounts of other people, by their names in access lists and for people.
/// Source: <https://learn.microsoft.com/windows/win32/secauthz/sid-strings>.
#[cfg(any(windows, test))]
const SHARED_GROUPS: [(&str, &str); 5] = [
    ("WD", "Everyone"),
    ("AU", "Authenticated Users"),
    ("BU", "Users"),
    ("BG", "Guests"),
    ("AN", "Anonymous Logon"),
];

/// Returns the groups of other users that may read `folder`; none where the access list could not be read, and none on
/// other systems than Windows.
#[cfg(windows)]
pub fn folder_readers(folder: &Path) -> Vec<&'static str> {
    use std::sync::mpsc;

    /// A folder on a network drive may answer late; the start does not wait longer.
    const ACCESS_LIST_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

    let folder = folder.to_owned();
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let groups = access_list(&folder).map(|list| reading_groups(&list));
        let _ = sender.send(groups.unwrap_or_default());
    });
    receiver.recv_timeout(ACCESS_LIST_TIMEOUT).unwrap_or_default()
}

#[cfg(not(windows))]
pub const fn folder_readers(_: &Path) -> Vec<&'static str> {
    Vec::new()
}

/// The access list in Windows' own notation (SDDL), which is the same in all languages.
#[cfg(windows)]
fn access_list(folder: &Path) -> std::io::Result<String> {
    use std::os::windows::process::CommandExt;
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    const CREATE_NO_WINDOW: u32 = 0x0800_0000;

    let system = std::env::var_os("SystemRoot").map_or_else(|| PathBuf::from(r"C:\Windows"), PathBuf::from);
    let saved = folder.join(format!("access-list-{}", std::process::id()));
    let mut command = Command::new(system.join("System32").join("icacls.exe"));
    command.arg(folder).arg("/save").arg(&saved).creation_flags(CREATE_NO_WINDOW);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let bytes = std::fs::read(&saved)?;
    std::fs::remove_file(&saved)?;
    let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    Ok(String::from_utf16_lossy(&units))
}

/// The groups of [`SHARED_GROUPS`] to which an entry of the list allows reading.
#[cfg(any(windows, test))]
fn reading_groups(list: &str) -> Vec<&'static str> {
    let entries = list.split('(').skip(1).filter_map(|rest| rest.split(')').next());
    let readers: Vec<&str> = entries.filter_map(allowed_reader).collect();
    SHARED_GROUPS.iter().filter(|(sid, _)| readers.contains(sid)).map(|&(_, name)| name).collect()
}

/// The account of an entry `type;flags;rights;object;inherited;account`, if it allows reading.
#[cfg(any(windows, test))]
fn allowed_reader(entry: &str) -> Option<&str> {
    let mut fields = entry.split(';');
    let (kind, _, rights) = (fields.next()?, fields.next()?, fields.next()?);
    (kind == "A" && allows_reading(rights)).then(|| fields.nth(2)).flatten()
}

/// Whether rights, as a hexadecimal mask or as pairs of letters, hold that of reading a file's data (`FILE_READ_DATA`).
#[cfg(any(windows, test))]
fn allows_reading(rights: &str) -> bool {
    const FILE_READ_DATA: u32 = 1;
    /// File all, file read, generic all, generic read, and the bit of `FILE_READ_DATA` itself.
    const READING_RIGHTS: [&str; 5] = ["FA", "FR", "GA", "GR", "CC"];
    match rights.strip_prefix("0x") {
        Some(mask) => u32::from_str_radix(mask, 16).is_ok_and(|mask| mask & FILE_READ_DATA != 0),
        None => rights
            .as_bytes()
            .chunks(2)
            .any(|pair| READING_RIGHTS.iter().any(|right| right.as_bytes() == pair)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_the_profile_is_read_by_its_owner_the_system_and_administrators() {
        let list = "data\r\nD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;FA;;;S-1-5-21-1-2-3-1001)\r\n";
        assert!(reading_groups(list).is_empty());
    }

    #[test]
    fn a_folder_below_the_root_of_a_drive_is_read_by_all_users() {
        let list = "mp\r\nD:AI(A;OICIID;FA;;;BA)(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)(A;ID;0x1301bf;;;AU)\
                    (A;OICIIOID;SDGXGWGR;;;AU)\r\n";
        assert_eq!(reading_groups(list), ["Authenticated Users", "Users"]);
    }

    #[test]
    fn rights_without_reading_and_entries_that_deny_or_audit_do_not_count() {
        assert!(reading_groups("D:(A;;0x100020;;;BU)(A;;SDWD;;;WD)(D;;FA;;;WD)S:(AU;SA;FA;;;WD)").is_empty());
        assert!(reading_groups("").is_empty());
        assert!(reading_groups("D:(A;;FA").is_empty());
    }

    #[test]
    fn full_and_generic_rights_count() {
        assert_eq!(reading_groups("D:(A;;FA;;;WD)"), ["Everyone"]);
        assert_eq!(reading_groups("D:(A;OICI;GR;;;BG)"), ["Guests"]);
    }
}

//! Tests with a file or a disk that fails.
use super::super::store::LogStore;
use super::*;
use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};

const PAGE: u64 = 4_096;

/// A closed log of several pages.
fn create_log(path: &Path) {
    let journal = open(path);
    for n in 0..500 {
        record_request(&journal, &format!("old{n}"), "alice");
    }
    journal.close(Duration::from_secs(60));
}

fn overwrite(path: &Path, from: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    file.write_all(bytes).unwrap();
}

/// Returns bytes without a pattern that SQLite could read as a page.
fn random_bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn assert_works(journal: &RequestLog) {
    record_request(journal, "new", "alice");
    assert_eq!(all_records(journal)[0].request_id, "new");
    assert_eq!(journal.counters().write_errors, 0);
}

fn is_set_aside(folder: &TempDir) -> bool {
    let mut files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
    files.any(|name| name.to_string_lossy().starts_with("mammouth-damaged-"))
}

#[test]
fn f50_a_damaged_file_is_set_aside_and_a_new_one_is_used() {
    let damages: [(u64, Vec<u8>); 4] = [
        (2 * PAGE, random_bytes(3 * PAGE as usize)),
        (0, random_bytes(PAGE as usize)),
        (0, vec![0; 2 * PAGE as usize]),
        (2 * PAGE, vec![0; 3 * PAGE as usize]),
    ];
    for (n, (from, bytes)) in damages.into_iter().enumerate() {
        let (folder, path) = folder();
        create_log(&path);
        overwrite(&path, from, &bytes);
        let opened = RequestLog::open(&path, LogLimits::default());
        let notice = opened.notice.unwrap_or_default();
        assert!(notice.contains("set aside as mammouth-damaged-"), "case {n}: {notice}");
        assert!(is_set_aside(&folder), "case {n}");
        assert_eq!(opened.log.counters().set_aside, 1);
        assert_works(&opened.log);
        assert_eq!(all_records(&opened.log).len(), 1, "case {n}");
    }
}

#[test]
fn f50_a_file_of_a_newer_version_is_named_and_left_untouched() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mammouth.db");
    create_log(&path);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let before = fs::read(&path).unwrap();
    let opened = RequestLog::open(&path, LogLimits::default());
    assert!(opened.notice.unwrap().contains("newer version"));
    record_request(&opened.log, "new", "alice");
    assert_eq!(request_ids(&all_records(&opened.log)), ["new"], "kept in memory");
    opened.log.close(Duration::from_secs(60));
    assert!(!is_set_aside(&folder));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn f50_a_truncated_or_foreign_file_is_set_aside() {
    for content in [random_bytes(100), b"hello, this is no database at all".repeat(50)] {
        let (folder, path) = folder();
        fs::write(&path, content).unwrap();
        assert_works(&RequestLog::open(&path, LogLimits::default()).log);
        assert!(is_set_aside(&folder));
    }
    let (folder, path) = folder();
    create_log(&path);
    OpenOptions::new().write(true).open(&path).unwrap().set_len(5 * PAGE + 100).unwrap();
    assert_works(&RequestLog::open(&path, LogLimits::default()).log);
    assert!(is_set_aside(&folder));
}

#[test]
fn f50_an_empty_file_and_a_lost_wal_need_no_setting_aside() {
    let (empty, path) = folder();
    fs::write(&path, "").unwrap();
    assert_works(&open(&path));
    assert!(!is_set_aside(&empty));

    let (live, path) = folder();
    let journal = open(&path);
    record_request(&journal, "lost with the wal", "alice");
    journal.flush();
    for with_shm in [false, true] {
        let (copy, copied) = folder();
        fs::copy(&path, &copied).unwrap();
        if with_shm {
            fs::copy(live.path().join("mammouth.db-shm"), copy.path().join("mammouth.db-shm")).unwrap();
        }
        assert_works(&open(&copied));
        assert!(!is_set_aside(&copy));
    }
}

#[test]
fn f50_damage_met_while_running_is_set_aside_too() {
    let (folder, path) = folder();
    create_log(&path);
    let journal = open(&path);
    journal.flush();
    overwrite(&path, 2 * PAGE, &random_bytes(6 * PAGE as usize));
    assert!(matches!(
        journal.latest(&Query { limit: 1_000, ..Query::default() }),
        Err(RequestLogError::Damaged)
    ));
    journal.flush();
    assert_eq!(journal.counters().set_aside, 1);
    assert!(is_set_aside(&folder));
    assert!(journal.notice().unwrap_or_default().contains("set aside"));
    assert_works(&journal);
}

#[test]
fn f50_damage_met_by_a_write_costs_no_record() {
    let (folder, path) = folder();
    let (journal, _inbox) = RequestLog::without_writer(Some(path.clone()), LogLimits::default());
    let shared = &journal.inner.state;
    let mut store = LogStore::open(&path).unwrap();
    store.insert(&[unsaved_record(sample())]).unwrap();
    assert!(store.shrink().unwrap());
    drop(store);
    shared.publish(Arc::new(RequestRecord { id: 2, ..sample() }), None);
    overwrite(&path, 0, &random_bytes(8 * PAGE as usize));
    drop(Writer::new(Arc::clone(shared), LogLimits::default()));
    assert!(is_set_aside(&folder));
    let ids: Vec<u64> = journal.latest(&Query::default()).unwrap().iter().map(|record| record.id).collect();
    assert_eq!(ids, [2]);
    assert_eq!(journal.counters().recorded, 1);
}

// Windows cannot remove an open file.
#[cfg(unix)]
#[test]
fn f50_a_removed_file_is_created_again() {
    let (folder, path) = folder();
    let journal = open(&path);
    record_request(&journal, "old", "alice");
    journal.flush();
    fs::remove_file(&path).unwrap();
    assert!(matches!(journal.latest(&Query::default()), Err(RequestLogError::Missing)));
    assert_works(&journal);
    assert_eq!(journal.counters().set_aside, 0);
    assert!(!is_set_aside(&folder));
}

#[test]
fn f49_a_lock_of_another_program_delays_no_request_and_is_retried() {
    let (_folder, path) = folder();
    let journal = RequestLog::open(&path, LogLimits { queue: 8, ..LogLimits::default() }).log;
    journal.flush();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // Were any of these to wait for the lock, they would wait for ever.
    for n in 0..20 {
        record_request(&journal, &format!("r{n}"), "alice");
    }
    journal.flush();
    let waiting = journal.latest(&Query::default()).unwrap().len() as u64;
    assert!((1..=8).contains(&waiting), "{waiting}");
    assert_eq!(journal.counters().recorded, 0);
    assert!(journal.counters().write_errors >= 1);
    assert!(journal.notice().unwrap_or_default().contains("locked by another program"));

    other.execute_batch("ROLLBACK").unwrap();
    journal.flush();
    assert_eq!(journal.notice(), None);
    assert_eq!(journal.counters().recorded, waiting);
    assert_eq!(journal.counters().dropped, 20 - waiting);
    assert_eq!(open_read_only(&path).unwrap().latest(&Query::default()).unwrap().len() as u64, waiting);
}

#[test]
fn f51_a_full_disk_rejects_the_whole_batch_and_leaves_the_file_intact() {
    let (_folder, path) = folder();
    let mut store = LogStore::open(&path).unwrap();
    let pages: i64 = store.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let limit_pages = |store: &LogStore, n: i64| {
        store.connection().pragma(None, "max_page_count", n, |_| Ok(())).unwrap();
    };
    limit_pages(&store, pages + 1);
    let batch: Vec<_> = (1..200).map(|id| unsaved_record(RequestRecord { id, ..sample() })).collect();
    let refused = store.insert(&batch);
    assert!(matches!(&refused, Err(RequestLogError::Unusable(text)) if text.contains("full")), "{refused:?}");
    assert_eq!(store.newest_id().unwrap(), 0);
    limit_pages(&store, 1_000_000);
    store.insert(&batch).unwrap();
    store.insert(&batch[..5]).unwrap();
    assert_eq!(store.newest_id().unwrap(), 199, "a batch offered twice is kept once");
    open_read_only(&path).unwrap().check().unwrap();
}

#[test]
fn f52_without_a_usable_path_records_stay_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::write(&data, "a file in the place of the folder").unwrap();
    let opened = RequestLog::open(&data.join("mammouth.db"), LogLimits::default());
    let (journal, notice) = (opened.log, opened.notice.unwrap_or_default());
    assert!(notice.contains("cannot be used") && notice.contains("requests go on"), "{notice}");
    assert!(journal.latest(&Query::default()).unwrap().is_empty());
    for name in ["a", "b"] {
        record_request(&journal, name, "alice");
    }
    assert_eq!(request_ids(&all_records(&journal)), ["b", "a"]);
    assert!(matches!(journal.clear(), Err(RequestLogError::Unusable(_))));
    record_request(&journal, "c", "alice");

    fs::remove_file(&data).unwrap();
    fs::create_dir(&data).unwrap();
    journal.flush();
    assert_eq!(journal.notice(), None);
    assert_eq!(journal.counters().recorded, 1);
    assert_eq!(
        request_ids(&open_read_only(&data.join("mammouth.db")).unwrap().latest(&Query::default()).unwrap()),
        ["c"]
    );
}

#[test]
fn a_table_with_another_schema_is_not_touched() {
    let (folder, path) = folder();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE requests (id INTEGER PRIMARY KEY)").unwrap();
    let opened = RequestLog::open(&path, LogLimits::default());
    assert!(opened.notice.unwrap_or_default().contains("cannot be used"));
    record_request(&opened.log, "a", "alice");
    assert_eq!(request_ids(&all_records(&opened.log)), ["a"]);
    assert!(!is_set_aside(&folder));
}

#[cfg(unix)]
#[test]
fn l05_the_file_is_its_owners_alone_and_never_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (data, path) = folder();
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let journal = open(&path);
    record_request(&journal, "a", "alice");
    journal.flush();
    let mut seen = 0;
    for file in fs::read_dir(data.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 3, "the file, its write-ahead log and its index");

    let linked = data.path().join("linked.db");
    symlink(&path, &linked).unwrap();
    let refused = RequestLog::open(&linked, LogLimits::default());
    assert!(refused.notice.unwrap_or_default().contains("not a plain file"));
    assert!(matches!(open_read_only(&linked), Err(RequestLogError::Unusable(_))));

    let (_elsewhere, folder_link) = folder();
    symlink(data.path(), &folder_link).unwrap();
    assert_works(&open(&folder_link.join("second.db")));
}

//! The book while somebody changes it: whoever shows the accounts hears of it afterwards.

use std::sync::MutexGuard;

use tokio::sync::watch;

use super::book::Book;

/// A book that is being changed.
pub(super) struct Change<'a> {
    book: MutexGuard<'a, Book>,
    changed: &'a watch::Sender<()>,
}

impl<'a> Change<'a> {
    pub(super) fn of(book: MutexGuard<'a, Book>, changed: &'a watch::Sender<()>) -> Self {
        Self { book, changed }
    }
}

impl std::ops::Deref for Change<'_> {
    type Target = Book;

    fn deref(&self) -> &Book {
        &self.book
    }
}

impl std::ops::DerefMut for Change<'_> {
    fn deref_mut(&mut self) -> &mut Book {
        &mut self.book
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        // Each request changes the book several times, and mostly nobody looks.
        if self.changed.receiver_count() > 0 {
            self.changed.send_replace(());
        }
    }
}

//! Sums that are asked for often, kept in memory: the last hour by minutes, today, and what each client used today.
//!
//! A day begins at midnight UTC. What must outlive a restart is written with the records and loaded when the file is
//! opened.
use super::record::Record;
use super::time::Moment;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

pub(super) const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;
const MINUTES: u64 = 60;
/// First-byte times kept of a minute; a busier one is judged by a sample.
const SAMPLE: usize = 512;

/// One minute of the last hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Minute {
    /// When it began, Unix milliseconds.
    pub time_ms: u64,
    /// Requests that ended in it.
    pub requests: u64,
    /// Those that failed or were cut, by anybody but the client.
    pub failed: u64,
    /// The median time to the first byte, milliseconds.
    pub first_byte_ms: Option<u64>,
}

/// What a span of time used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Sums {
    pub requests: u64,
    pub failed: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Some of the tokens are our own count.
    pub tokens_estimated: bool,
    /// US dollars at the catalogue's prices, of requests whose price is known: of web sessions it is the value of what
    /// they answered.
    pub cost_usd: f64,
    /// The part of it that is billed, because an API key answered.
    #[serde(default)]
    pub billed_usd: f64,
    /// Some of the cost comes from our own count of tokens, or is no more than a value.
    pub cost_estimated: bool,
}

/// What one client key did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClientUse {
    /// Since midnight UTC.
    pub today: Sums,
    /// Unix milliseconds.
    pub last_used_ms: Option<u64>,
}

impl Sums {
    pub(super) fn of(record: &Record) -> Self {
        Self {
            requests: 1,
            failed: u64::from(record.failed()),
            prompt_tokens: record.prompt_tokens.unwrap_or(0),
            completion_tokens: record.completion_tokens.unwrap_or(0),
            tokens_estimated: record.tokens_estimated,
            cost_usd: record.cost_usd.unwrap_or(0.0),
            billed_usd: record.cost_usd.filter(|_| !record.unbilled).unwrap_or(0.0),
            cost_estimated: (record.tokens_estimated || record.unbilled) && record.cost_usd.is_some(),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(other.completion_tokens);
        self.tokens_estimated |= other.tokens_estimated;
        self.cost_usd += other.cost_usd;
        self.billed_usd += other.billed_usd;
        self.cost_estimated |= other.cost_estimated;
    }

    /// Of the prompt and the reply.
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}

#[derive(Debug, Default)]
pub(super) struct Numbers {
    minutes: VecDeque<Bucket>,
    day: u64,
    clients: HashMap<String, ClientUse>,
    last_failure: Option<Arc<Record>>,
}

#[derive(Debug)]
struct Bucket {
    minute: u64,
    requests: u64,
    failed: u64,
    first_bytes: Vec<u64>,
}

/// What an earlier run knew.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// Client, today's sums, last use.
    pub(super) clients: Vec<(String, Sums, u64)>,
    /// End, whether it failed, time to the first byte; the oldest first.
    pub(super) hour: Vec<(u64, bool, Option<u64>)>,
}

impl Numbers {
    /// Takes over what an earlier run wrote.
    pub(super) fn remember(&mut self, kept: Remembered, now: Moment) {
        self.turn(now.unix_ms());
        for (client, sums, last) in kept.clients {
            let entry = self.clients.entry(client).or_default();
            entry.today.add(&sums);
            entry.last_used_ms = entry.last_used_ms.max(Some(last));
        }
        for (end_ms, failed, first_byte) in kept.hour {
            self.count(end_ms, failed, first_byte);
        }
    }

    pub(super) fn note(&mut self, record: &Record, now_ms: u64) {
        self.turn(now_ms);
        let client = self.clients.entry(record.client.clone()).or_default();
        client.today.add(&Sums::of(record));
        client.last_used_ms = Some(now_ms);
        self.count(now_ms, record.failed(), record.first_byte_ms);
    }

    pub(super) fn failure(&mut self, record: &Arc<Record>) {
        if record.failed() {
            self.last_failure = Some(Arc::clone(record));
        }
    }

    pub(super) fn last_failure(&self) -> Option<Arc<Record>> {
        self.last_failure.clone()
    }

    pub(super) fn forget_failure(&mut self, gone: impl Fn(&Record) -> bool) {
        if self.last_failure.as_deref().is_some_and(gone) {
            self.last_failure = None;
        }
    }

    pub(super) fn today(&mut self, now_ms: u64) -> Sums {
        self.turn(now_ms);
        let mut all = Sums::default();
        self.clients.values().for_each(|client| all.add(&client.today));
        all
    }

    pub(super) fn client(&mut self, name: &str, now_ms: u64) -> ClientUse {
        self.turn(now_ms);
        self.clients.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn clients(&mut self, now_ms: u64) -> BTreeMap<String, ClientUse> {
        self.turn(now_ms);
        self.clients.iter().map(|(name, used)| (name.clone(), used.clone())).collect()
    }

    /// The last 60 minutes, the oldest first, quiet ones included.
    pub(super) fn minutes(&self, now_ms: u64) -> Vec<Minute> {
        let last = now_ms / MINUTE_MS;
        let minute = |minute| {
            let bucket = self.minutes.iter().find(|bucket| bucket.minute == minute);
            Minute {
                time_ms: minute * MINUTE_MS,
                requests: bucket.map_or(0, |bucket| bucket.requests),
                failed: bucket.map_or(0, |bucket| bucket.failed),
                first_byte_ms: bucket.and_then(Bucket::median),
            }
        };
        (last.saturating_sub(MINUTES - 1)..=last).map(minute).collect()
    }

    fn count(&mut self, end_ms: u64, failed: bool, first_byte: Option<u64>) {
        let minute = end_ms / MINUTE_MS;
        if self.minutes.back().is_none_or(|bucket| bucket.minute < minute) {
            self.minutes.push_back(Bucket { minute, requests: 0, failed: 0, first_bytes: Vec::new() });
        }
        while self.minutes.len() as u64 > MINUTES {
            self.minutes.pop_front();
        }
        // A clock that was set back counts for the newest minute.
        let Some(bucket) = self.minutes.back_mut() else { return };
        bucket.requests += 1;
        bucket.failed += u64::from(failed);
        if let Some(first_byte) = first_byte {
            bucket.sample(first_byte);
        }
    }

    fn turn(&mut self, now_ms: u64) {
        let day = now_ms / DAY_MS;
        if day > self.day {
            self.day = day;
            self.clients.values_mut().for_each(|client| client.today = Sums::default());
        }
    }
}

impl Bucket {
    /// Beyond the sample's size every later value takes an earlier one's place in turn.
    fn sample(&mut self, first_byte: u64) {
        if self.first_bytes.len() < SAMPLE {
            self.first_bytes.push(first_byte);
        } else {
            let place = usize::try_from(self.requests).unwrap_or(0) % SAMPLE;
            self.first_bytes[place] = first_byte;
        }
    }

    fn median(&self) -> Option<u64> {
        let mut sorted = self.first_bytes.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    fn record(client: &str, first_byte: u64) -> Record {
        Record { client: client.into(), first_byte_ms: Some(first_byte), ..sample() }
    }

    #[test]
    fn a_day_ends_at_midnight_and_last_use_stays() {
        let mut numbers = Numbers::default();
        let evening = 10 * DAY_MS - 1;
        numbers.note(&record("ide", 5), evening);
        numbers.note(&record("cli", 5), evening);
        assert_eq!(numbers.today(evening).requests, 2);
        assert_eq!(numbers.client("ide", evening).today.tokens(), 812 + 96);
        let used = numbers.client("ide", evening + 1);
        assert_eq!((used.today.tokens(), used.last_used_ms), (0, Some(evening)));
        assert_eq!(numbers.today(evening + 1), Sums::default());
        // A clock that is set back brings no second chance.
        assert_eq!(numbers.today(evening).requests, 0);
    }

    #[test]
    fn the_last_hour_has_sixty_minutes_with_a_median_each() {
        let mut numbers = Numbers::default();
        let now = 1_000 * MINUTE_MS;
        for first_byte in [9, 1, 5] {
            numbers.note(&record("a", first_byte), now);
        }
        numbers.note(&Record { status: 503, ..record("a", 7) }, now + MINUTE_MS);
        let minutes = numbers.minutes(now + MINUTE_MS);
        assert_eq!(minutes.len(), 60);
        let shown = |minute: &Minute| (minute.requests, minute.failed, minute.first_byte_ms);
        assert_eq!(shown(&minutes[57]), (0, 0, None));
        assert_eq!((shown(&minutes[58]), shown(&minutes[59])), ((3, 0, Some(5)), (1, 1, Some(7))));
        assert_eq!(minutes[59].time_ms, now + MINUTE_MS);
        for n in 0..10_000 {
            numbers.note(&record("a", n), now + (2 + n) * MINUTE_MS / 100);
        }
        assert!(numbers.minutes.len() <= 60);
    }
}

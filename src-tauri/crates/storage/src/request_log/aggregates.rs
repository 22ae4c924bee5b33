//! Aggregates in memory for frequent queries: the last hour by minutes, today, and the use of each client
//! today.
//!
//! A day begins at midnight UTC. Aggregates that must survive a restart are written with the records and
//! loaded when the file is opened.
use super::record::RequestRecord;
use super::time::Timestamps;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

pub(super) const DAY_MS: u64 = 86_400_000;
const MINUTE_MS: u64 = 60_000;
const MINUTES_KEPT: u64 = 60;
/// Maximum number of first-byte times stored for a minute; a busier minute is represented by a sample.
const MAX_FIRST_BYTE_SAMPLES: usize = 512;

/// One minute of the last hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Minute {
    /// Start of the minute, Unix milliseconds.
    pub time_ms: u64,
    /// Requests that ended in the minute.
    pub requests: u64,
    /// Requests that failed or were cut, unless the client closed the connection.
    pub failed: u64,
    /// Median time to the first byte, milliseconds.
    pub first_byte_ms: Option<u64>,
}

/// Usage in a period of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Totals {
    pub requests: u64,
    pub failed: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Whether the proxy counted some of the tokens itself.
    pub tokens_estimated: bool,
    /// Cost at the catalog's prices, US dollars, of requests whose price is known. Replies of web sessions
    /// count with their value.
    pub cost_usd: f64,
    /// Part of the cost that is billed, because an API key answered, US dollars.
    #[serde(default)]
    pub billed_usd: f64,
    /// Whether some of the cost comes from the proxy's own count of tokens, or is the value of a reply that
    /// is not billed.
    pub cost_estimated: bool,
}

/// Usage of one client key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClientUsage {
    /// Usage since midnight UTC.
    pub today: Totals,
    /// Time of the last use, Unix milliseconds.
    pub last_used_ms: Option<u64>,
}

impl Totals {
    pub(super) fn from_record(record: &RequestRecord) -> Self {
        Self {
            requests: 1,
            failed: u64::from(record.is_failed()),
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

    /// Returns the tokens of the prompt and the reply.
    pub fn tokens(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}

#[derive(Debug, Default)]
pub(super) struct Aggregates {
    minutes: VecDeque<MinuteBucket>,
    day: u64,
    clients: HashMap<String, ClientUsage>,
    last_failure: Option<Arc<RequestRecord>>,
}

#[derive(Debug)]
struct MinuteBucket {
    minute: u64,
    requests: u64,
    failed: u64,
    first_bytes: Vec<u64>,
}

/// Aggregates restored from the file.
#[derive(Debug, Default)]
pub(super) struct RestoredAggregates {
    /// Name, today's usage and last use (Unix milliseconds) of each client.
    pub(super) clients: Vec<(String, Totals, u64)>,
    /// Requests of the last hour, the oldest first: end, whether the request failed, time to the first byte.
    pub(super) hour: Vec<(u64, bool, Option<u64>)>,
}

impl Aggregates {
    /// Adds the aggregates that an earlier run wrote.
    pub(super) fn restore(&mut self, restored: RestoredAggregates, now: Timestamps) {
        self.start_new_day(now.unix_ms());
        for (client, sums, last) in restored.clients {
            let entry = self.clients.entry(client).or_default();
            entry.today.add(&sums);
            entry.last_used_ms = entry.last_used_ms.max(Some(last));
        }
        for (end_ms, failed, first_byte) in restored.hour {
            self.count_in_minute(end_ms, failed, first_byte);
        }
    }

    pub(super) fn record(&mut self, record: &RequestRecord, now_ms: u64) {
        self.start_new_day(now_ms);
        let client = self.clients.entry(record.client.clone()).or_default();
        client.today.add(&Totals::from_record(record));
        client.last_used_ms = Some(now_ms);
        self.count_in_minute(now_ms, record.is_failed(), record.first_byte_ms);
    }

    pub(super) fn record_failure(&mut self, record: &Arc<RequestRecord>) {
        if record.is_failed() {
            self.last_failure = Some(Arc::clone(record));
        }
    }

    pub(super) fn last_failure(&self) -> Option<Arc<RequestRecord>> {
        self.last_failure.clone()
    }

    pub(super) fn forget_failure_if(&mut self, matches: impl Fn(&RequestRecord) -> bool) {
        if self.last_failure.as_deref().is_some_and(matches) {
            self.last_failure = None;
        }
    }

    pub(super) fn usage_today(&mut self, now_ms: u64) -> Totals {
        self.start_new_day(now_ms);
        let mut all = Totals::default();
        self.clients.values().for_each(|client| all.add(&client.today));
        all
    }

    pub(super) fn client_usage(&mut self, name: &str, now_ms: u64) -> ClientUsage {
        self.start_new_day(now_ms);
        self.clients.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn usage_by_client(&mut self, now_ms: u64) -> BTreeMap<String, ClientUsage> {
        self.start_new_day(now_ms);
        self.clients.iter().map(|(name, used)| (name.clone(), used.clone())).collect()
    }

    /// Returns the last 60 minutes, the oldest first, including minutes without requests.
    pub(super) fn last_hour(&self, now_ms: u64) -> Vec<Minute> {
        let current = now_ms / MINUTE_MS;
        let minute = |minute| {
            let bucket = self.minutes.iter().find(|bucket| bucket.minute == minute);
            Minute {
                time_ms: minute * MINUTE_MS,
                requests: bucket.map_or(0, |bucket| bucket.requests),
                failed: bucket.map_or(0, |bucket| bucket.failed),
                first_byte_ms: bucket.and_then(MinuteBucket::median),
            }
        };
        (current.saturating_sub(MINUTES_KEPT - 1)..=current).map(minute).collect()
    }

    fn count_in_minute(&mut self, end_ms: u64, failed: bool, first_byte: Option<u64>) {
        let minute = end_ms / MINUTE_MS;
        if self.minutes.back().is_none_or(|bucket| bucket.minute < minute) {
            self.minutes.push_back(MinuteBucket { minute, requests: 0, failed: 0, first_bytes: Vec::new() });
        }
        while self.minutes.len() as u64 > MINUTES_KEPT {
            self.minutes.pop_front();
        }
        // If the clock was set back, the request counts for the newest minute.
        let Some(bucket) = self.minutes.back_mut() else { return };
        bucket.requests += 1;
        bucket.failed += u64::from(failed);
        if let Some(first_byte) = first_byte {
            bucket.add_sample(first_byte);
        }
    }

    fn start_new_day(&mut self, now_ms: u64) {
        let day = now_ms / DAY_MS;
        if day > self.day {
            self.day = day;
            self.clients.values_mut().for_each(|client| client.today = Totals::default());
        }
    }
}

impl MinuteBucket {
    /// Adds a sample. Beyond the sample's size, each later value replaces an earlier one in turn.
    fn add_sample(&mut self, first_byte: u64) {
        if self.first_bytes.len() < MAX_FIRST_BYTE_SAMPLES {
            self.first_bytes.push(first_byte);
        } else {
            let index = usize::try_from(self.requests).unwrap_or(0) % MAX_FIRST_BYTE_SAMPLES;
            self.first_bytes[index] = first_byte;
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

    fn record(client: &str, first_byte: u64) -> RequestRecord {
        RequestRecord { client: client.into(), first_byte_ms: Some(first_byte), ..sample() }
    }

    #[test]
    fn totals_reset_at_midnight_and_last_use_stays() {
        let mut aggregates = Aggregates::default();
        let evening = 10 * DAY_MS - 1;
        aggregates.record(&record("ide", 5), evening);
        aggregates.record(&record("cli", 5), evening);
        assert_eq!(aggregates.usage_today(evening).requests, 2);
        assert_eq!(aggregates.client_usage("ide", evening).today.tokens(), 812 + 96);
        let client_usage = aggregates.client_usage("ide", evening + 1);
        assert_eq!((client_usage.today.tokens(), client_usage.last_used_ms), (0, Some(evening)));
        assert_eq!(aggregates.usage_today(evening + 1), Totals::default());
        // A clock that is set back does not restore an earlier day.
        assert_eq!(aggregates.usage_today(evening).requests, 0);
    }

    #[test]
    fn the_last_hour_has_sixty_minutes_with_a_median_each() {
        let mut aggregates = Aggregates::default();
        let now = 1_000 * MINUTE_MS;
        for first_byte in [9, 1, 5] {
            aggregates.record(&record("a", first_byte), now);
        }
        aggregates.record(&RequestRecord { status: 503, ..record("a", 7) }, now + MINUTE_MS);
        let minutes = aggregates.last_hour(now + MINUTE_MS);
        assert_eq!(minutes.len(), 60);
        let shown = |minute: &Minute| (minute.requests, minute.failed, minute.first_byte_ms);
        assert_eq!(shown(&minutes[57]), (0, 0, None));
        assert_eq!((shown(&minutes[58]), shown(&minutes[59])), ((3, 0, Some(5)), (1, 1, Some(7))));
        assert_eq!(minutes[59].time_ms, now + MINUTE_MS);
        for n in 0..10_000 {
            aggregates.record(&record("a", n), now + (2 + n) * MINUTE_MS / 100);
        }
        assert!(aggregates.minutes.len() <= 60);
    }
}

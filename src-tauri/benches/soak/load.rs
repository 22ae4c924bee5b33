//! Load of the run, and counters of its results.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Outcome;
use crate::conversation::read_turn;
use crate::program::{Program, Target};
use crate::sampler::ResourceSample;
use crate::stats::Samples;
use crate::wire::{Head, Wire};

/// Number of words of one stream.
const WORDS_PER_STREAM: usize = 100;

/// Delay before a rejected stream is requested again.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// State shared by all clients of the load.
pub(crate) struct Load {
    /// Address and key of the program. The address changes with the port.
    target: Mutex<Target>,
    control_token: String,
    pub(crate) seen: Arc<CallCounts>,
}

/// Counters of the calls' results.
#[derive(Default)]
pub(crate) struct CallCounts {
    pub(crate) whole: AtomicU64,
    pub(crate) words: AtomicU64,
    /// Streams that ended with an error event.
    pub(crate) failed: AtomicU64,
    /// Requests rejected before the first byte, with an error code.
    pub(crate) refused: AtomicU64,
    /// Short calls with a response.
    pub(crate) short: AtomicU64,
    /// Turns of conversations with a response.
    pub(crate) turns: AtomicU64,
    pub(crate) port_changed: AtomicU64,
    pub(crate) churned: AtomicU64,
    pub(crate) wrong: Mutex<Vec<String>>,
    pub(crate) latency: Mutex<Samples>,
    pub(crate) samples: Mutex<Vec<ResourceSample>>,
}

/// Outcome of one request.
pub(crate) enum CallEnd {
    Whole,
    Failed,
    Refused,
    /// The connection failed, because the program no longer uses that port.
    PortClosed,
}

impl CallCounts {
    fn wrong(&self, what: impl Into<String>) {
        self.wrong.lock().push(what.into());
    }

    /// Adds a sample of the resources.
    pub(crate) fn record_sample(&self, watched: ResourceSample) {
        self.samples.lock().push(watched);
    }
}

fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

impl Load {
    pub(crate) fn new(program: &Program) -> Self {
        let token = std::fs::read_to_string(program.data().join("control-token")).unwrap_or_default();
        Self {
            target: Mutex::new(program.target.clone()),
            control_token: token.trim().to_owned(),
            seen: Arc::default(),
        }
    }

    fn target(&self) -> Target {
        self.target.lock().clone()
    }

    fn differs_from_current(&self, target: &Target) -> bool {
        self.target().address != target.address
    }

    /// Runs a command of the management API.
    pub(crate) async fn control(&self, name: &str, args: &str) -> Outcome<serde_json::Value> {
        let target = self.target();
        let mut wire = Wire::connect(target.address).await?;
        wire.write(&target.post(&format!("/control/{name}"), &self.control_token, args)).await?;
        let head = wire.head().await?.ok_or("no answer from the control door")?;
        let status = head.status();
        let body = wire.body(head.rest).await?;
        if status == 200 {
            Ok(serde_json::from_slice(&body)?)
        } else {
            Err(format!("{name}: {status}").into())
        }
    }

    /// Switches the program to another port.
    pub(crate) async fn switch(&self) -> Outcome<()> {
        let answer = self.control("port.switch", r#"{"port":0}"#).await?;
        let address: SocketAddr = answer["address"].as_str().ok_or("no address")?.parse()?;
        self.target.lock().address = address;
        Ok(())
    }

    /// Runs one stream and checks every word.
    pub(crate) async fn stream(&self) -> Outcome<()> {
        let target = self.target();
        match read_stream(&target, &self.seen).await {
            Ok(CallEnd::Whole) => add(&self.seen.whole, 1),
            Ok(CallEnd::Failed) => add(&self.seen.failed, 1),
            Ok(CallEnd::Refused) => {
                add(&self.seen.refused, 1);
                // As a client with `Retry-After` would.
                sleep(RETRY_DELAY).await;
            }
            Ok(CallEnd::PortClosed) if self.port_has_changed(&target).await => {
                add(&self.seen.port_changed, 1)
            }
            Ok(CallEnd::PortClosed) => self.seen.wrong("nobody answered a stream"),
            Err(error) => self.seen.wrong(format!("a stream: {error}")),
        }
        Ok(())
    }

    /// Runs one short call.
    pub(crate) async fn short(&self) -> Outcome<()> {
        let (target, asked) = (self.target(), Instant::now());
        match read_short(&target).await {
            Ok(CallEnd::Whole) => {
                add(&self.seen.short, 1);
                self.seen.latency.lock().add(asked.elapsed());
            }
            Ok(unanswered) => self.record_unanswered(&target, unanswered).await,
            Err(error) => self.seen.wrong(format!("a call: {error}")),
        }
        Ok(())
    }

    /// Runs one turn of a conversation. Returns the id of its response, if there is one.
    pub(crate) async fn turn(&self, text: &str, previous: Option<&str>) -> Option<String> {
        let target = self.target();
        match read_turn(&target, text, previous).await {
            Ok(Ok(id)) => {
                add(&self.seen.turns, 1);
                return Some(id);
            }
            Ok(Err(unanswered)) => self.record_unanswered(&target, unanswered).await,
            Err(error) => self.seen.wrong(format!("a turn: {error}")),
        }
        None
    }

    async fn record_unanswered(&self, target: &Target, end: CallEnd) {
        match end {
            CallEnd::PortClosed if self.port_has_changed(target).await => add(&self.seen.port_changed, 1),
            CallEnd::PortClosed => self.seen.wrong("nobody answered a call"),
            CallEnd::Whole | CallEnd::Failed | CallEnd::Refused => add(&self.seen.refused, 1),
        }
    }

    /// Whether the program no longer uses that port. Waits, because the response to the switch may not have
    /// arrived.
    async fn port_has_changed(&self, target: &Target) -> bool {
        for _ in 0..100 {
            if self.differs_from_current(target) {
                return true;
            }
            sleep(Duration::from_millis(20)).await;
        }
        false
    }
}

/// The complete text of a stream.
fn stream_text() -> String {
    (0..WORDS_PER_STREAM).map(|n| format!("word{n} ")).collect::<String>().trim_end().to_owned()
}

async fn start_call(target: &Target, prompt: &str, stream: bool) -> Outcome<Option<(Wire, Head)>> {
    send(target, &target.ask(prompt, stream)).await
}

/// Sends a request and reads the head of its response. `None` if the connection failed.
pub(crate) async fn send(target: &Target, request: &[u8]) -> Outcome<Option<(Wire, Head)>> {
    let Ok(mut wire) = Wire::connect(target.address).await else { return Ok(None) };
    if wire.write(request).await.is_err() {
        return Ok(None);
    }
    let Ok(Some(head)) = wire.head().await else { return Ok(None) };
    Ok(Some((wire, head)))
}

async fn read_stream(target: &Target, seen: &CallCounts) -> Outcome<CallEnd> {
    let text = stream_text();
    let Some((mut wire, head)) = start_call(target, &format!("echo: {text}"), true).await? else {
        return Ok(CallEnd::PortClosed);
    };
    let (status, mut rest) = (head.status(), head.rest);
    if status != 200 {
        return refusal(&wire.body(rest).await?);
    }
    let (mut events, mut so_far, mut end) = (String::new(), String::new(), None);
    while let Some(piece) = wire.piece(&mut rest).await? {
        events += std::str::from_utf8(&piece)?;
        while let Some((event, later)) = events.split_once("\n\n") {
            let data = event.strip_prefix("data: ").unwrap_or_default();
            if end.is_some() {
                return Err("something came after the end".into());
            }
            end = read_event(data, &mut so_far)?;
            events = later.to_owned();
        }
        if !text.starts_with(&so_far) {
            return Err(format!("a word is lost or out of order: {so_far}").into());
        }
    }
    add(&seen.words, so_far.split_whitespace().count());
    match end {
        Some(CallEnd::Whole) if so_far != text => {
            Err(format!("a part was taken for the whole: {so_far}").into())
        }
        Some(end) => Ok(end),
        None => Err("a stream ended without a word about it".into()),
    }
}

/// Reads one event. Returns the outcome after the last one.
fn read_event(data: &str, so_far: &mut String) -> Outcome<Option<CallEnd>> {
    if data.is_empty() {
        return Ok(None);
    }
    if data == "[DONE]" {
        return Ok(Some(CallEnd::Whole));
    }
    let event: serde_json::Value = serde_json::from_str(data)?;
    if event["error"]["code"].is_string() {
        return Ok(Some(CallEnd::Failed));
    }
    *so_far += event["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
    Ok(None)
}

async fn read_short(target: &Target) -> Outcome<CallEnd> {
    let Some((mut wire, head)) = start_call(target, "echo: short", false).await? else {
        return Ok(CallEnd::PortClosed);
    };
    let status = head.status();
    let body = wire.body(head.rest).await?;
    if status != 200 {
        return refusal(&body);
    }
    let answer: serde_json::Value = serde_json::from_slice(&body)?;
    match answer["choices"][0]["message"]["content"].as_str() {
        Some("short") => Ok(CallEnd::Whole),
        other => Err(format!("not what was asked for: {other:?}").into()),
    }
}

pub(crate) fn refusal(body: &[u8]) -> Outcome<CallEnd> {
    let answer: serde_json::Value = serde_json::from_slice(body)?;
    if answer["error"]["code"].is_string() {
        Ok(CallEnd::Refused)
    } else {
        Err("a refusal without a code".into())
    }
}

/// Runs streams in sequence.
pub(crate) async fn run_streams(load: Arc<Load>, end: CancellationToken, first: Duration) -> Outcome<()> {
    sleep(first).await;
    while !end.is_cancelled() {
        load.stream().await?;
    }
    Ok(())
}

/// Runs short calls at a rate that does not depend on their responses.
pub(crate) async fn run_short_calls(load: Arc<Load>, end: CancellationToken, rate: u32) -> Outcome<()> {
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let running = TaskTracker::new();
    while end.run_until_cancelled(ticks.tick()).await.is_some() {
        let load = Arc::clone(&load);
        running.spawn(async move { load.short().await });
    }
    running.close();
    running.wait().await;
    Ok(())
}

/// Opens and closes connections: most after a health check, one in ten with a reset, one in ten in the middle
/// of a stream.
pub(crate) async fn run_connections(load: Arc<Load>, end: CancellationToken) -> Outcome<()> {
    let mut ticks = interval(Duration::from_millis(5));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut n = 0_usize;
    while end.run_until_cancelled(ticks.tick()).await.is_some() {
        let target = load.target();
        // The results of these connections do not count; the program only has to survive them.
        let _ = match n % 10 {
            0 => reset_connection(&target).await,
            1 => abandon_stream(&target).await,
            _ => health(&target).await,
        };
        n += 1;
        add(&load.seen.churned, 1);
    }
    Ok(())
}

async fn health(target: &Target) -> Outcome<()> {
    let mut wire = Wire::connect(target.address).await?;
    wire.write(format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", target.address).as_bytes()).await?;
    wire.head().await?;
    Ok(())
}

async fn reset_connection(target: &Target) -> Outcome<()> {
    let socket = TcpStream::connect(target.address).await?;
    socket.set_zero_linger()?;
    Wire::new(socket)?.write(b"GET /healthz HTTP/1.1\r\n").await
}

async fn abandon_stream(target: &Target) -> Outcome<()> {
    let started = start_call(target, &format!("echo: {}", stream_text()), true).await?;
    if let Some((mut wire, mut head)) = started {
        wire.piece(&mut head.rest).await?;
    }
    Ok(())
}

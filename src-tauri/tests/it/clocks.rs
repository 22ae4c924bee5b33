//! Tests with a clock that the test sets: clock changes, suspended machines, and the program's time limits.

use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::support::{
    Clock, Options, Program, TestEnv, Wire, head, post, question, raw, retry_after, simulator, streamed,
    wait_retry_after, wait_until, with_key,
};

const DAY: i64 = 24 * 60 * 60;
const CHAT: &str = "/v1/chat/completions";

async fn env(options: Options) -> TestEnv {
    TestEnv::with_options(&["alice"], options).await
}

/// Checks limits across changes of the clock, including to years after 2038, where 32 bits overflow.
#[tokio::test]
async fn f41_setting_the_clock_neither_ends_nor_prolongs_a_limit() {
    for jump in [DAY, -DAY, 3_600, -3_600, 13 * 365 * DAY] {
        let clock = Clock::wall_clock();
        let env = env(clock.options()).await;
        env.set_web_fault("quota");
        assert_eq!(env.program.chat(&question("hi")).await.status, 429);
        let calls = env.model_calls().len();
        clock.set_offset(jump);
        let after = env.program.chat(&question("hi")).await;
        assert_eq!(after.error(), (429, "insufficient_quota".to_owned()), "{jump}");
        let wait = retry_after(&after).unwrap();
        assert!((1..=3 * 3_600).contains(&wait), "{jump}: {wait}");
        assert_eq!(env.model_calls().len(), calls, "{jump}: the limit holds");
        assert_eq!(env.serves_model("grok-3").await.status, 200, "{jump}: and nothing else is limited");
        let records = env.wait_for_records(|records| records.len() == 3).await;
        let (old, new) = times(&records);
        let step = i64::try_from(new).unwrap() - i64::try_from(old).unwrap();
        assert!((step / 1_000 - jump).abs() < 600, "{jump}: the log shows the time of day: {step}");
    }
}

/// Times of the oldest and the newest record, milliseconds.
fn times(records: &[serde_json::Value]) -> (u64, u64) {
    let mut by_id: Vec<_> =
        records.iter().map(|record| (record["id"].as_u64(), record["time_ms"].as_u64().unwrap())).collect();
    by_id.sort_unstable();
    (by_id[0].1, by_id[by_id.len() - 1].1)
}

#[tokio::test]
async fn f41_a_short_pause_ends_in_time_whatever_the_clock_says() {
    for jump in [DAY, -DAY] {
        let clock = Clock::wall_clock();
        let env = env(clock.options()).await;
        env.set_web_fault("status=429 header=Retry-After:1");
        assert_eq!(env.program.chat(&question("hi")).await.status, 429);
        env.clear_faults();
        clock.set_offset(jump);
        let told = env.program.chat(&question("hi")).await;
        if told.status != 200 {
            assert!(retry_after(&told).unwrap() <= 2, "{jump}: {told:?}");
            wait_retry_after(&told).await;
        }
        env.still_serves().await;
    }
}

/// Suspends the program for two minutes, with a running stream and idle connections in the pool.
#[tokio::test]
async fn f42_after_a_sleep_dead_streams_end_and_the_first_new_request_is_served() {
    let clock = Clock::all_clocks();
    let env = env(clock.options()).await;
    env.still_serves().await;
    env.set_web_fault("stall=1");
    let mut stream = env.program.stream(&streamed("echo: one two three")).await;
    stream.next_json().await;
    env.program.signal("STOP").await;
    let before = env.model_calls();
    clock.set_offset(130);
    env.clear_faults();
    env.program.signal("CONT").await;
    assert_eq!(env.still_serves().await.status, 200);
    let events = stream.all().await;
    assert!(events.last().unwrap().contains("stream_interrupted"), "{events:?}");
    let asked = env.model_calls();
    let first = asked.last().expect("the first new request").connection;
    assert!(
        before.iter().all(|call| call.connection != first),
        "what idled through the sleep is not used again"
    );
    assert_eq!(env.account_state("web-1").await, "ready", "the sleep is nobody's failure");
    env.still_serves().await;
}

#[tokio::test]
async fn p09_heads_that_do_not_come_to_an_end_are_closed_and_others_served() {
    const MANY: usize = 300;
    let clock = Clock::all_clocks();
    let env = env(clock.options()).await;
    let mut slow = Vec::new();
    for _ in 0..MANY {
        let mut wire = Wire::open(env.program.port).await;
        wire.send(b"GET /healthz HTTP/1.1\r\nHost: loc").await;
        slow.push(wire);
    }
    connected(&env.program, MANY).await;
    env.still_serves().await;
    clock.set_offset(5);
    env.program.wake_runtime().await;
    for wire in &mut slow {
        wire.send(b"a").await;
    }
    env.still_serves().await;
    // Further bytes do not extend the time limit, which starts at the first byte.
    clock.set_offset(10);
    env.program.wake_runtime().await;
    for wire in slow {
        assert_eq!(wire.read_to_end().await.bytes, b"");
    }
    env.still_serves().await;
}

#[tokio::test]
async fn p10_bodies_that_stop_are_given_up_and_cost_no_call() {
    let clock = Clock::all_clocks();
    let env = env(clock.options()).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut wire = Wire::open(env.program.port).await;
        wire.send(&post(CHAT, &["Content-Length: 1000"], b"{\"model\":")).await;
        slow.push(wire);
    }
    connected(&env.program, 20).await;
    env.still_serves().await;
    clock.set_offset(31);
    env.program.wake_runtime().await;
    for wire in slow {
        let answer = wire.read_to_end().await;
        assert_eq!((answer.status(), answer.code().as_str()), (408, "request_timeout"), "{}", answer.text());
    }
    assert_eq!(env.model_calls().len(), 1, "only the request that was whole");
    env.still_serves().await;
}

#[tokio::test]
async fn p11_silent_connections_are_gone_after_half_a_minute_and_streams_go_on() {
    const MANY: usize = 400;
    let clock = Clock::all_clocks();
    let env = env(clock.options().settings("[limits]\nidle_seconds = 3600\n")).await;
    env.set_web_fault("gate");
    env.simulator.release(1);
    let mut stream = env.program.stream(&streamed(r#"echo-chunks: ["a","b","c"]"#)).await;
    stream.next_json().await;
    let mut silent = Vec::new();
    for _ in 0..MANY {
        silent.push(Wire::open(env.program.port).await);
    }
    connected(&env.program, MANY).await;
    clock.set_offset(31);
    env.program.wake_runtime().await;
    for wire in silent {
        assert_eq!(wire.read_to_end().await.bytes, b"");
    }
    env.simulator.release(100);
    assert_eq!(stream.text().await, ("abc".to_owned(), true));
}

/// Waits until at least this many connections are open. The test's own connections count too.
async fn connected(program: &Program, many: usize) {
    wait_until("all are connected", async || {
        let status = program.control("status", &json!({})).await.json();
        status["connections"].as_u64().unwrap() >= many as u64
    })
    .await;
}

#[tokio::test]
async fn p13_pipelined_requests_that_nobody_reads_hold_little_and_then_come_in_order() {
    const MANY: usize = 20_000;
    let env = env(Options::default()).await;
    env.still_serves().await;
    let before = env.memory();
    let one = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut wire = Wire::open(env.program.port).await;
    let (mut reader, mut writer) = wire.socket.split();
    let last = head("GET", "/v1/models", &[&with_key()]);
    let all = [one.repeat(MANY).as_bytes(), &last].concat();
    let mut sent = 0;
    // Until the program accepts no more bytes, while other requests are served.
    loop {
        let written = tokio::select! {
            biased;
            written = tokio::io::AsyncWriteExt::write(&mut writer, &all[sent..]) => written.unwrap(),
            answer = env.still_serves() => { drop(answer); 0 }
        };
        sent += written;
        if written == 0 {
            break;
        }
    }
    assert!(env.memory() < before + (16 << 20), "{} bytes more", env.memory() - before);
    let rest = async {
        tokio::io::AsyncWriteExt::write_all(&mut writer, &all[sent..]).await.unwrap();
    };
    let mut answers = Vec::new();
    let ((), read) = tokio::join!(rest, reader.read_to_end(&mut answers));
    read.unwrap();
    let text = String::from_utf8(answers).unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 ").count(), MANY + 1);
    assert!(text.ends_with('}') && text.contains("\"object\":\"list\""), "the last is the last");
}

/// Checks that many parallel guesses do not lock out the owner's key.
#[tokio::test]
async fn u07_guesses_over_many_connections_lock_nobody_out() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let guesses = (0..500).map(|n| {
        let request = program.http.get(format!("{}/v1/models", program.base));
        request.bearer_auth(format!("guess-{n:04}-0123456789")).send()
    });
    let ask = question("echo: mine");
    let mine = (0..50).map(|_| program.chat(&ask));
    let (guesses, mine) =
        tokio::join!(futures_util::future::join_all(guesses), futures_util::future::join_all(mine));
    assert!(guesses.into_iter().all(|answer| answer.unwrap().status().as_u16() == 401));
    assert!(mine.into_iter().all(|answer| answer.text() == "mine"));
    assert!(program.log().len() < 10_000, "{} bytes of log", program.log().len());
}

/// Checks that the tokenizer's vocabulary (20 MB in memory) is unloaded when idle and loaded again.
#[tokio::test]
async fn an_idle_tokenizer_is_unloaded_and_loaded_again() {
    const MUCH: u64 = 5 << 20;
    let clock = Clock::all_clocks();
    let env = env(clock.options()).await;
    let before = env.memory();
    let counted = count(&env.program).await;
    let loaded = env.memory();
    assert!(loaded > before + MUCH, "{before} {loaded}");
    let added = std::cell::Cell::new(0);
    wait_until("it is given back", async || {
        added.set(added.get() + 200);
        clock.set_offset(added.get());
        let answer = raw(env.program.port, &head("GET", "/healthz", &[])).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        env.memory() < loaded - MUCH
    })
    .await;
    assert_eq!(count(&env.program).await, counted);
}

/// Counts tokens, which needs no upstream call. The connection is new, because one from before a change of
/// the clock would be closed as idle.
async fn count(program: &Program) -> String {
    let body = br#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hello there"}]}"#;
    let headers = ["Connection: close", &format!("Content-Length: {}", body.len())];
    let answer = raw(program.port, &post("/v1/messages/count_tokens", &headers, body)).await;
    let (status, text) = (answer.status(), answer.text());
    assert!(status == 200 && text.contains("input_tokens"), "{text}");
    text[text.find('{').expect("an object")..].to_owned()
}

//! Mammouth Proxy: the map of the code.
//!
//! A local proxy that speaks OpenAI's, Anthropic's and Ollama's APIs to tools on this machine and answers from the user's
//! own Mammouth accounts: official API keys (`upstreams/api`) and web sessions (`upstreams/web`).
//! Two thin binaries (`bin/`) sit on this library: `mammouth-proxy`, command line and headless server, and
//! `mammouth-proxy-desktop`, the tray application (feature `desktop`).
//!
//! # The path of one request
//!
//! 1. [`server`] accepts the connection, with limits and timers, and reads the head.
//! 2. [`auth`] judges the head: sizes, Host, Origin, route, method, key, content type. Everything behind routes by
//!    the canonical path that it found.
//! 3. [`proxy`] reads the body with a cap, opens a record in the [`request_log`], and lets the dialect decode it
//!    ([`dialects`]) into a [`protocol::Request`].
//! 4. [`accounts`] hands out a lease: the account that may serve this model now, and why.
//! 5. [`upstreams`] makes the call and answers with a stream of [`protocol::Event`]s, once the first is there. A refusal
//!    before that sends the request to the next account, by the one loop in `proxy/retry.rs`: three calls at most.
//!    Behind a web session, tools are described in the prompt and calls read out of the text (`upstreams/prompted_tools`).
//! 6. The dialect encodes each event as it comes; nothing is sent before the first, nothing repeated after it. Where
//!    client and upstream both speak OpenAI's chat completions, bytes are relayed instead, and only observed.
//! 7. The record is closed, exactly once on every path, the client that leaves included.
//!
//! # The rooms, and who may use whom
//!
//! | room | what it is for | may use |
//! |---|---|---|
//! | [`protocol`] | the inner form of requests, replies, images; pure rules on text | – |
//! | [`config`] | settings: what the user wrote, and the checked form | `protocol` (model names), `secrets` |
//! | [`secrets`] | the type that cannot be printed; keychain, encrypted file, token file, redaction | – |
//! | [`request_log`] | the request log in SQLite | – |
//! | [`dialects`] | wire forms, decoding and encoding; pure | `protocol` |
//! | [`upstreams`] | Mammouth; the only room that calls out | `protocol`, `secrets` |
//! | [`accounts`] | who may serve a model now | `config`, `secrets`, `upstreams` (its verdicts), `request_log` (its reasons) |
//! | [`auth`] | who may call | `config`, `secrets` |
//! | [`server`] | connections, limits, port switch, drain | – |
//! | [`proxy`] | routes of the dialects, the retry loop, failures to answers | `protocol`, `dialects`, `upstreams`, `accounts`, `request_log`, `auth` |
//! | [`management`] | what UI and command line can ask; the local HTTP door | `protocol` (model names), `accounts`, `request_log`, `config`, `server`, `secrets`, `auth`, `upstreams` |
//! | [`mock_upstream`] | a stand-in for Mammouth, for demo and tests | – |
//! | [`app`] | the one place that builds everything | all above |
//! | [`cli`] | the commands of `mammouth-proxy` | `app`, `config`, `management`, `request_log`, `secrets`, `server`, `accounts` |
//! | `desktop` | all of Tauri | `app`, `management`, `config`, `secrets` |
//!
//! Every room may use [`allocator`], the allocator. `proxy` and `management` do not see each other. Outside crates keep to rooms too. The test `tidy` reads the imports
//! and fails where this table is broken.
//!
//! # What is always true
//!
//! - No secret has a printable form; the only way to its text is `expose_secret`.
//! - A key is needed on every route but `/healthz` and the page at `/`; a client key never opens the control door.
//! - Every read has a cap in bytes and in time. Every limit of an account ends by itself.
//! - Time and chance are arguments wherever a rule depends on them.
//! - No lock is held over an await; no static carries state but the tokenizer's vocabulary, a cache.

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

pub mod accounts;
pub mod allocator;
pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
#[cfg(feature = "desktop")]
pub mod desktop;
pub mod dialects;
pub mod management;
pub mod mock_upstream;
pub mod protocol;
pub mod proxy;
pub mod request_log;
pub mod secrets;
pub mod server;
pub mod upstreams;

//! The real program, started as a user would, against the mock.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;
use crate::tokens::ReplySpec;
use crate::wire::Wire;

/// Time limit of the program for its start, and for its end; under valgrind both take seconds.
const START_STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// The program's accounts.
pub(crate) const COOKIES: [&str; 3] =
    ["bench-session-one-4f1c", "bench-session-two-9a7e", "bench-session-three-c3d5"];
/// File for the program's stderr, which is shown only if the program does not start.
const STDERR_FILE: &str = "stderr.txt";

/// A running proxy with its own data directory; dropping this value ends both.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) target: Target,
    pub(crate) pid: u32,
    child: Child,
    _output: BufReader<ChildStdout>,
    data: tempfile::TempDir,
}

/// Address for requests, with the key.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    key: String,
}

impl Target {
    /// The mock as target. It needs no key, but gets as many headers as the proxy.
    pub(crate) fn direct(address: SocketAddr) -> Self {
        Self { address, key: "0".repeat(64) }
    }

    /// The bytes of a request for a reply.
    pub(crate) fn request(&self, wish: ReplySpec) -> Vec<u8> {
        self.ask(&wish.prompt(), wish.chunks > 0)
    }

    /// The bytes of a chat request with this prompt, which must need no escaping in JSON.
    pub(crate) fn ask(&self, prompt: &str, stream: bool) -> Vec<u8> {
        let body = format!(
            r#"{{"model":"gpt-4o-mini","messages":[{{"role":"system","content":"You answer briefly."}},{{"role":"user","content":"{prompt}"}}],"stream":{stream}}}"#,
        );
        self.own("/v1/chat/completions", &body)
    }

    /// The bytes of a streamed chat request with 1 MB of messages and a limit of tokens, as agents send it.
    pub(crate) fn large_request(&self, wish: ReplySpec) -> Vec<u8> {
        let text =
            "The function reads a file, splits it into lines and counts the words of each. ".repeat(127);
        let turn =
            format!(r#"{{"role":"user","content":"{text}"}},{{"role":"assistant","content":"Done."}},"#);
        let body = format!(
            r#"{{"model":"gpt-4o-mini","messages":[{}{{"role":"user","content":"{}"}}],"max_tokens":4000,"stream":true}}"#,
            turn.repeat(100),
            wish.prompt(),
        );
        self.own("/v1/chat/completions", &body)
    }

    /// The bytes of a request with a JSON body and the target's own key.
    pub(crate) fn own(&self, path: &str, body: &str) -> Vec<u8> {
        self.post(path, &self.key, body)
    }

    /// The bytes of a request with a JSON body.
    pub(crate) fn post(&self, path: &str, key: &str, body: &str) -> Vec<u8> {
        format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .into_bytes()
    }
}

/// The command that starts a program: the program itself, or a tool that runs it.
#[derive(Debug, Default)]
pub(crate) struct Launcher(Option<(String, Vec<String>)>);

impl Launcher {
    /// A tool that takes the program and its arguments as its last arguments.
    pub(crate) fn new(tool: &str, arguments: &[&str]) -> Self {
        Self(Some((tool.to_owned(), arguments.iter().map(|&argument| argument.to_owned()).collect())))
    }

    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let Some((tool, arguments)) = &self.0 else { return Command::new(program) };
        let mut command = Command::new(tool);
        command.args(arguments).arg(program);
        command
    }
}

impl Program {
    /// With web sessions.
    pub(crate) async fn start(mock: SocketAddr) -> Outcome<Self> {
        Self::start_by(&Launcher::default(), mock).await
    }

    /// With web sessions.
    pub(crate) async fn start_by(launcher: &Launcher, mock: SocketAddr) -> Outcome<Self> {
        Self::start_in(launcher, tempfile::tempdir()?, mock, &COOKIES).await
    }

    /// With API keys.
    pub(crate) async fn start_keyed(mock: SocketAddr) -> Outcome<Self> {
        Self::start_keyed_by(&Launcher::default(), mock).await
    }

    /// With API keys.
    pub(crate) async fn start_keyed_by(launcher: &Launcher, mock: SocketAddr) -> Outcome<Self> {
        let keys = "sk-bench-key-one-4f1c,sk-bench-key-two-9a7e";
        let url = format!("http://{mock}");
        let settings = [("API_KEYS", keys), ("MAMMOUTH_API_URL", &url)];
        Self::start_with(launcher, tempfile::tempdir()?, &settings).await
    }

    /// With web sessions, and with this file as its request log, which is moved and to be cut back to this size.
    pub(crate) async fn start_on(mock: SocketAddr, log: &Path, bytes: u64) -> Outcome<Self> {
        let settings = format!("[limits]\nlog_max_bytes = {bytes}\n");
        Self::start_prepared(mock, &COOKIES, |folder| {
            std::fs::rename(log, folder.join("mammouth.db"))?;
            Ok(std::fs::write(folder.join("settings.toml"), settings)?)
        })
        .await
    }

    /// With these web sessions, on a data directory that is filled before the start.
    pub(crate) async fn start_prepared<C: AsRef<str>>(
        mock: SocketAddr,
        cookies: &[C],
        fill: impl FnOnce(&Path) -> Outcome<()>,
    ) -> Outcome<Self> {
        let data = tempfile::tempdir()?;
        let folder = data.path().join("data");
        std::fs::create_dir(&folder)?;
        fill(&folder)?;
        Self::start_in(&Launcher::default(), data, mock, cookies).await
    }

    async fn start_in<C: AsRef<str>>(
        launcher: &Launcher,
        data: tempfile::TempDir,
        mock: SocketAddr,
        cookies: &[C],
    ) -> Outcome<Self> {
        let cookies: Vec<&str> = cookies.iter().map(AsRef::as_ref).collect();
        let (cookies, url) = (cookies.join(","), format!("http://{mock}"));
        Self::start_with(launcher, data, &[("COOKIES", &cookies), ("MAMMOUTH_WEB_URL", &url)]).await
    }

    async fn start_with(
        launcher: &Launcher,
        data: tempfile::TempDir,
        settings: &[(&str, &str)],
    ) -> Outcome<Self> {
        let key = random_key()?;
        let mut child = command(launcher, &data, &key, settings)?.spawn()?;
        let pid = child.id();
        let output = BufReader::new(child.stdout.take().ok_or("the program has no output")?);
        let mut started = StartGuard { child: Some(child) };
        let waiting = tokio::task::spawn_blocking(|| read_address(output));
        let Ok(Some((address, output))) =
            tokio::time::timeout(START_STOP_TIMEOUT, waiting).await.unwrap_or(Ok(None))
        else {
            let stderr = std::fs::read_to_string(data.path().join(STDERR_FILE)).unwrap_or_default();
            return Err(format!("the program did not say that it listens; it said: {stderr}").into());
        };
        let child = started.child.take().ok_or("the program is gone")?;
        Ok(Self { target: Target { address, key }, pid, child, _output: output, data })
    }

    /// Path of the data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// Token of the management API.
    pub(crate) fn control_token(&self) -> Outcome<String> {
        Ok(std::fs::read_to_string(self.data().join("control-token"))?.trim().to_owned())
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Outcome<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).ok_or("no process id")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Requests `/healthz`.
    pub(crate) async fn health(&self) -> Outcome<()> {
        let mut wire = Wire::connect(self.target.address).await?;
        wire.write(format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", self.target.address).as_bytes())
            .await?;
        let head = wire.head().await?.ok_or("no answer from /healthz")?;
        if head.status() == 200 { Ok(()) } else { Err(format!("/healthz: {}", head.status()).into()) }
    }

    /// Stops the program as a service manager would. Returns the time that it took.
    pub(crate) async fn stop(mut self) -> Outcome<Duration> {
        let began = Instant::now();
        self.signal(Signal::TERM)?;
        while began.elapsed() < START_STOP_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                let took = began.elapsed();
                return if status.success() {
                    Ok(took)
                } else {
                    Err(format!("it ended with {status}").into())
                };
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err("the program did not end when asked to".into())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Guard that ends the child if it never listens, which also ends the wait for its first line.
struct StartGuard {
    child: Option<Child>,
}

impl Drop for StartGuard {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Path of the program. `MAMMOUTH_PROXY_BIN` selects another build, such as one with symbols for a profiler.
fn executable() -> PathBuf {
    std::env::var_os("MAMMOUTH_PROXY_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_mammouth-proxy")), PathBuf::from)
}

fn command(
    launcher: &Launcher,
    data: &tempfile::TempDir,
    key: &str,
    settings: &[(&str, &str)],
) -> Outcome<Command> {
    let mut command = launcher.command(executable());
    command.args(["serve", "--port", "0", "--data-dir"]).arg(data.path().join("data"));
    // Nothing of the caller's: no `.env`, no settings, no keychain.
    command.current_dir(data.path()).env_clear().env("HOME", data.path());
    command.envs(settings.iter().copied()).env("AUTH_TOKEN", key).env("LOG", "warn");
    let stderr = File::create(data.path().join(STDERR_FILE))?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
    Ok(command)
}

/// Reads up to the line with the address; `None` if the program ends without one.
fn read_address(mut output: BufReader<ChildStdout>) -> Option<(SocketAddr, BufReader<ChildStdout>)> {
    let mut line = String::new();
    while output.read_line(&mut line).ok()? > 0 {
        if let Some((_, address)) = line.split_once("listening on http://") {
            return Some((address.trim().parse().ok()?, output));
        }
        line.clear();
    }
    None
}

fn random_key() -> Outcome<String> {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random)?;
    Ok(hex::encode(random))
}

//! Start, requests and shutdown of the program.

use std::path::Path;
use std::process::{Output, Stdio};

use mock_upstream::MockUpstream;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::{Answer, Sse};

/// Client key of the program in all tests.
pub const KEY: &str = "test-key-0123456789abcdef";

/// Options of a start.
#[derive(Default)]
pub struct Options {
    pub env: Vec<(String, String)>,
    pub args: Vec<String>,
    /// Content of `settings.toml`.
    pub settings: Option<String>,
    /// Whether an existing `settings.toml` is kept.
    pub keep_settings: bool,
    /// Whether `--port 0` and `AUTH_TOKEN` are omitted, so that all settings are the test's own.
    pub bare: bool,
    /// Command that starts the program, with its arguments.
    pub under: Vec<String>,
}

impl Options {
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub fn settings(mut self, text: &str) -> Self {
        self.settings = Some(format!("version = 1\n{text}"));
        self
    }

    /// Sets the content of `settings.toml`, unless the file exists.
    pub fn settings_once(mut self, text: &str) -> Self {
        self.settings = Some(format!("version = 1\n{text}"));
        self.keep_settings = true;
        self
    }

    pub fn without_defaults(mut self) -> Self {
        self.bare = true;
        self
    }

    pub fn run_under(mut self, command: &[&str]) -> Self {
        self.under = command.iter().map(|part| (*part).to_owned()).collect();
        self
    }
}

/// A running program. Dropping it kills the process.
pub struct Program {
    pub base: String,
    pub port: u16,
    pub http: reqwest::Client,
    pub dir: TempDir,
    /// Data directory that the arguments name instead of `dir`.
    #[cfg(windows)]
    data_dir: std::path::PathBuf,
    child: Child,
    /// Output of the program. Kept open, because a closed pipe would end the program; tests read it too.
    pub stdout: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts the program with all accounts of a mock.
    pub async fn start(simulator: &MockUpstream) -> Self {
        Self::start_with(simulator, Options::default()).await
    }

    pub async fn start_with(simulator: &MockUpstream, options: Options) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), Some(simulator), options).await
    }

    /// Starts the program on a data directory that may have been used before.
    pub async fn start_in(dir: TempDir, simulator: Option<&MockUpstream>, options: Options) -> Self {
        let path = dir.path().join("settings.toml");
        if let Some(text) = options.settings.as_ref().filter(|_| !(options.keep_settings && path.exists())) {
            std::fs::write(path, text).expect("settings are written");
        }
        let mut child = serve_command(dir.path(), simulator, &options)
            .stderr(log(dir.path()))
            .spawn()
            .expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let first = stdout.next_line().await.expect("stdout can be read");
        let first = first.unwrap_or_else(|| panic!("the program ended: {}", read_log(dir.path())));
        let base =
            first.strip_prefix("listening on ").unwrap_or_else(|| panic!("unexpected: {first}")).to_owned();
        let port = base.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        #[cfg(windows)]
        let data_dir = {
            let named = options.args.iter().skip_while(|arg| *arg != "--data-dir").nth(1);
            named.map_or_else(|| dir.path().to_owned(), Into::into)
        };
        Self {
            base,
            port,
            http: client(),
            dir,
            #[cfg(windows)]
            data_dir,
            child,
            stdout,
        }
    }

    /// Sends a POST with the key.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(KEY);
        Answer::of(request.header("content-type", "application/json").body(body.to_string()).send().await)
            .await
    }

    /// Sends a GET with the key.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.http.get(format!("{}{path}", self.base)).bearer_auth(KEY).send().await).await
    }

    /// Sends a chat completion request.
    pub async fn chat(&self, body: &Value) -> Answer {
        self.post("/v1/chat/completions", body).await
    }

    /// Sends a streamed chat completion request, and returns the stream after its response head.
    pub async fn stream(&self, body: &Value) -> Sse {
        let request = self.http.post(format!("{}/v1/chat/completions", self.base)).bearer_auth(KEY);
        let response = request.header("content-type", "application/json").body(body.to_string()).send().await;
        Sse::new(response.expect("an answer"))
    }

    /// Runs another command of the program on the same data directory.
    pub async fn cli(&self, args: &[&str]) -> Output {
        cli_in(self.dir.path(), args).await
    }

    /// The request log, oldest first.
    pub async fn records(&self) -> Vec<Value> {
        let output = self.cli(&["logs", "--json", "-n", "1000"]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Everything that the program has written to stderr.
    pub fn log(&self) -> String {
        read_log(self.dir.path())
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("the program runs")
    }

    /// Sends a signal by its name, such as `TERM`.
    #[cfg(unix)]
    pub async fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().await;
        assert!(sent.expect("kill runs").success());
    }

    /// Substitute for signals on Windows: `KILL` ends the process, all others run the command `stop`.
    #[cfg(windows)]
    pub async fn signal(&self, name: &str) {
        if name == "KILL" {
            let ended = Command::new("taskkill").args(["/F", "/PID", &self.pid().to_string()]).output().await;
            assert!(ended.expect("taskkill runs").status.success());
        } else {
            // The address and token are in the data directory; the port may have changed since the start.
            let read =
                |name: &str| std::fs::read_to_string(self.data_dir.join(name)).expect("a running program");
            let instance: Value = serde_json::from_str(&read("instance.json")).expect("JSON");
            let address = instance["address"].as_str().expect("an address");
            let request = self.http.post(format!("http://{address}/control/program.stop"));
            let sent = request.bearer_auth(read("control-token").trim()).body("{}").send().await;
            assert_eq!(sent.expect("an answer").status().as_u16(), 200);
        }
    }

    /// Waits until the program ends. Returns its exit code and its data directory.
    pub async fn wait_for_exit(mut self) -> (Option<i32>, TempDir) {
        let status = self.child.wait().await.expect("the program ends");
        (status.code(), self.dir)
    }

    /// Stops the program as a service manager would.
    pub async fn stop(self) -> TempDir {
        self.signal("TERM").await;
        let (code, dir) = self.wait_for_exit().await;
        assert_eq!(code, Some(0), "{}", read_log(dir.path()));
        dir
    }
}

/// Runs a command of the program.
pub async fn cli_in(dir: &Path, args: &[&str]) -> Output {
    command(dir).args(args).output().await.expect("the program runs")
}

fn serve_command(dir: &Path, simulator: Option<&MockUpstream>, options: &Options) -> Command {
    let mut command = command_under(&options.under, dir);
    command.arg("serve");
    if !options.bare {
        command.args(["--port", "0"]).env("AUTH_TOKEN", KEY);
    }
    command.args(&options.args);
    if let Some(simulator) = simulator {
        let cookies: Vec<String> = simulator.cookies().into_iter().map(|(_, cookie)| cookie).collect();
        command.env("COOKIES", cookies.join(",")).env("MAMMOUTH_WEB_URL", simulator.base_url());
        let keys: Vec<String> = simulator.keys().into_iter().map(|(_, key)| key).collect();
        command.env("API_KEYS", keys.join(",")).env("MAMMOUTH_API_URL", simulator.base_url());
    }
    command.envs(options.env.iter().map(|(name, value)| (name, value)));
    command.stdout(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The program in a clean environment, without the user's settings, keychain or home folder.
pub fn command(dir: &Path) -> Command {
    command_under(&[], dir)
}

fn command_under(under: &[String], dir: &Path) -> Command {
    let program = env!("CARGO_BIN_EXE_mammouth-proxy");
    let mut command = match under.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.env_clear().env("HOME", dir).env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").current_dir(dir);
    // Windows opens no socket without this variable.
    command.envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
    // Keeps the program from the user's keychain, which it would find by the session bus on Linux.
    command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", dir.join("no-bus").display()));
    command.env("MAMMOUTH_PROXY_NO_KEYCHAIN", "1");
    command.args(["--data-dir", &dir.display().to_string()]);
    command
}

fn log(dir: &Path) -> Stdio {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(log_path(dir));
    file.expect("the log file can be written").into()
}

/// Path of the log, in the data directory, so that a search for canaries includes it.
fn log_path(dir: &Path) -> std::path::PathBuf {
    dir.join("stderr.txt")
}

fn read_log(dir: &Path) -> String {
    std::fs::read_to_string(log_path(dir)).unwrap_or_default()
}

fn client() -> reqwest::Client {
    // The program's provider of cryptography; reqwest needs one even without TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().retry(reqwest::retry::never());
    // A pooled connection may be closed when it is reused, because some tests set the program's clock.
    client.pool_max_idle_per_host(0).build().expect("a client")
}

/// Runs a `serve` command that is expected to fail.
pub async fn refused_start(dir: &Path, simulator: Option<&MockUpstream>, options: Options) -> Output {
    serve_command(dir, simulator, &options).output().await.expect("the program runs")
}

/// Runs a command with these variables and this text on stdin.
pub async fn cli_with(dir: &Path, env: &[(&str, &str)], args: &[&str], stdin: &str) -> Output {
    use tokio::io::AsyncWriteExt;
    let mut command = command(dir);
    command.args(args).envs(env.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("the program runs");
    let mut pipe = child.stdin.take().expect("stdin is piped");
    // A command that does not read stdin is not an error.
    let _ = pipe.write_all(stdin.as_bytes()).await;
    drop(pipe);
    child.wait_with_output().await.expect("the program ends")
}

/// Text that a command wrote to stdout.
pub fn stdout_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Text that a command wrote to stderr.
pub fn stderr_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl Program {
    /// Token of the management API.
    pub fn control_token(&self) -> String {
        let text = std::fs::read_to_string(self.dir.path().join("control-token")).expect("a control token");
        text.trim().to_owned()
    }

    /// Runs a command of the management API.
    pub async fn control(&self, name: &str, args: &Value) -> Answer {
        let request =
            self.http.post(format!("{}/control/{name}", self.base)).bearer_auth(self.control_token());
        Answer::of(request.body(args.to_string()).send().await).await
    }

    /// Value of a counter of `/metrics`, by name and labels.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = String::from_utf8(self.get("/metrics").await.body.to_vec()).expect("UTF-8");
        let line =
            text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("a counter")
    }

    /// Records of the request log, once there are this many. A record follows its response after a moment.
    pub async fn wait_for_record_count(&self, count: usize) -> Vec<Value> {
        loop {
            let records = self.records().await;
            if records.len() >= count {
                return records;
            }
        }
    }

    /// Kills the program.
    pub async fn kill(mut self) -> TempDir {
        self.child.start_kill().expect("the program runs");
        let _ = self.child.wait().await;
        self.dir
    }
}

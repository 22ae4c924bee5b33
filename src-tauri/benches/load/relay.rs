//! The relay: a chat completion to the official API, whose bytes pass in both directions, beside nginx doing the same.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::machine::{self, Cpu};
use crate::mock::Mock;
use crate::profile::Profile;
use crate::program::{Program, Target};
use crate::streams::{all_at_once, first_tokens};
use crate::tokens::ReplySpec;
use crate::unary::ask;
use crate::wire::Wire;

/// Where distributions put it; it is often on no user's path.
const NGINX_PATHS: [&str; 2] = ["/usr/sbin/nginx", "/usr/bin/nginx"];
const NGINX_START_TIMEOUT: Duration = Duration::from_secs(5);
/// Chunks of the long stream: about 250 bytes each, so 200 MB in all.
const LONG_STREAM_CHUNKS: usize = 800_000;

/// What the relay costs.
#[derive(Debug)]
pub(crate) struct RelayCost {
    pub(crate) ours: RelaySide,
    /// `None` where there is no nginx.
    pub(crate) nginx: Option<RelaySide>,
    /// Added to the first token, milliseconds, in the middle.
    pub(crate) first_token: f64,
    /// The most memory beyond that before a long stream, KB.
    pub(crate) grown: u64,
    pub(crate) long_bytes: usize,
}

/// CPU time of one side.
#[derive(Debug)]
pub(crate) struct RelaySide {
    pub(crate) request: Duration,
    pub(crate) chunk: Duration,
}

pub(crate) async fn measure(mock: &Mock, scale: &Profile) -> Outcome<RelayCost> {
    let program = Program::start_keyed(mock.address).await?;
    let nginx = Nginx::start(mock.address).await?;
    let (mut ours, mut theirs) = (RelayTurns::default(), RelayTurns::default());
    for _ in 0..scale.rounds {
        ours.run(&program.target, program.pid, scale).await?;
        if let Some(nginx) = &nginx {
            theirs.run(&nginx.target, nginx.child.id(), scale).await?;
        }
    }
    let direct = Target::direct(mock.address);
    let pair = first_tokens(&direct, &program.target, scale.pairs, Duration::ZERO).await?;
    let (grown, long_bytes) = measure_long_stream(&program, scale).await?;
    let nginx = if nginx.is_some() { Some(theirs.side()?) } else { None };
    let first_token = pair.proxied.p50 - pair.direct.p50;
    let ours = ours.side()?;
    program.stop().await?;
    Ok(RelayCost { ours, nginx, first_token, grown, long_bytes })
}

#[derive(Default)]
struct RelayTurns {
    requests: u32,
    for_requests: Cpu,
    chunks: usize,
    for_chunks: Cpu,
}

impl RelayTurns {
    async fn run(&mut self, target: &Target, pid: u32, scale: &Profile) -> Outcome<()> {
        let request = target.request(ReplySpec::WHOLE);
        let mut wire = Wire::connect(target.address).await?;
        ask(&mut wire, &request).await?;
        let (end, before) = (Instant::now() + scale.turn, Cpu::of(pid)?);
        while Instant::now() < end {
            ask(&mut wire, &request).await?;
            self.requests += 1;
        }
        self.for_requests = self.for_requests.plus(Cpu::of(pid)?.since(before));
        let spec = ReplySpec { chunks: scale.chunks, gap: scale.gap, stamped: false };
        let before = Cpu::of(pid)?;
        self.chunks += all_at_once(target, scale.streams, spec).await?.chunks;
        self.for_chunks = self.for_chunks.plus(Cpu::of(pid)?.since(before));
        Ok(())
    }

    fn side(&self) -> Outcome<RelaySide> {
        let chunks = u32::try_from(self.chunks)?.max(1);
        let request = self.for_requests.total() / self.requests.max(1);
        Ok(RelaySide { request, chunk: self.for_chunks.total() / chunks })
    }
}

/// One long stream; its bytes must not stay.
async fn measure_long_stream(program: &Program, scale: &Profile) -> Outcome<(u64, usize)> {
    let chunks = if scale.quick { LONG_STREAM_CHUNKS / 10 } else { LONG_STREAM_CHUNKS };
    let before = machine::resident(program.pid)?;
    let target = program.target.clone();
    let spec = ReplySpec { chunks, gap: Duration::ZERO, stamped: false };
    let mut streaming = tokio::spawn(async move { all_at_once(&target, 1, spec).await });
    let mut peak = before;
    loop {
        tokio::select! {
            ended = &mut streaming => {
                ended??;
                return Ok((peak.saturating_sub(before), chunks * 250));
            }
            () = tokio::time::sleep(Duration::from_millis(20)) => peak = peak.max(machine::resident(program.pid)?),
        }
    }
}

/// nginx as a plain reverse proxy: one process, streams not buffered, connections to the mock kept.
struct Nginx {
    target: Target,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Nginx {
    async fn start(mock: SocketAddr) -> Outcome<Option<Self>> {
        let Some(program) = NGINX_PATHS.iter().find(|path| Path::new(path).is_file()) else {
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        std::fs::write(folder.path().join("nginx.conf"), nginx_config(address, mock, folder.path()))?;
        let child = Command::new(program)
            .args(["-e", "stderr", "-p"])
            .arg(folder.path())
            .args(["-c", "nginx.conf"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let nginx = Self { target: Target::direct(address), child, _folder: folder };
        let began = Instant::now();
        while Wire::connect(address).await.is_err() {
            if began.elapsed() > NGINX_START_TIMEOUT {
                return Err("nginx does not listen".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Some(nginx))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Taken and given back at once: nginx must be told a number.
fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn nginx_config(address: SocketAddr, mock: SocketAddr, folder: &Path) -> String {
    let at = folder.display();
    format!(
        "daemon off; master_process off; pid {at}/pid; error_log stderr crit;\n\
         events {{ worker_connections 2048; }}\n\
         http {{\n  access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;\n\
         fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s; keepalive_requests 1000000;\n\
         upstream mock {{ server {mock}; keepalive 512; keepalive_requests 1000000; }}\n\
         server {{ listen {address}; location / {{ proxy_pass http://mock; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; proxy_buffering off; }} }}\n}}\n"
    )
}

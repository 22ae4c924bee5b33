//! nginx as a reverse proxy, for comparison.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::program::Target;
use crate::wire::Wire;

/// Paths of nginx in distributions; it is often outside a user's `PATH`.
const NGINX_PATHS: [&str; 2] = ["/usr/sbin/nginx", "/usr/bin/nginx"];
const NGINX_START_TIMEOUT: Duration = Duration::from_secs(5);

/// nginx as a plain reverse proxy: one process, streams not buffered, connections to the mock kept.
pub(crate) struct Nginx {
    pub(crate) target: Target,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Starts nginx; `None` if it is not installed.
    ///
    /// # Errors
    /// nginx does not listen in time.
    pub(crate) async fn start(mock: SocketAddr) -> Outcome<Option<Self>> {
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

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free address. The port is released at once, because nginx binds it by its number.
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
         proxy_set_header Connection \"\"; proxy_buffering off; client_body_buffer_size 2m; }} }}\n}}\n"
    )
}

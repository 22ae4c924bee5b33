//! DNS resolver with a timeout, a limit on concurrent lookups and a policy for addresses.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

/// Time limit of a lookup, so that a resolver that never answers does not use up the connect timeout.
const LOOKUP_TIMEOUT: Duration = Duration::from_millis(4500);
/// Limit on concurrent lookups: a lookup cannot be cancelled and holds a thread.
const MAX_CONCURRENT_LOOKUPS: usize = 8;

/// Whether an address may be connected to.
pub(crate) type AddressPolicy = fn(IpAddr) -> bool;

/// Resolver that uses the system's. It returns only addresses that pass the policy, and the connection goes to exactly
/// those: there is no second lookup between the check and the connect.
#[derive(Clone)]
pub(crate) struct Resolver {
    policy: AddressPolicy,
    /// The host to which the policy does not apply: that of the proxy.
    exempt: Option<String>,
    slots: Arc<Semaphore>,
}

impl Resolver {
    pub(crate) fn new(policy: AddressPolicy) -> Self {
        Self { policy, exempt: None, slots: Arc::new(Semaphore::new(MAX_CONCURRENT_LOOKUPS)) }
    }

    /// The same rules, but `host` may have any address.
    pub(crate) fn with_exempt(self, host: &str) -> Self {
        Self { exempt: Some(host.to_owned()), ..self }
    }

    async fn look_up(self, name: String) -> io::Result<Vec<SocketAddr>> {
        let is_exempt = self.exempt.as_deref().is_some_and(|exempt| exempt.eq_ignore_ascii_case(&name));
        let slot = self.slots.acquire_owned().await.map_err(io::Error::other)?;
        let found = tokio::task::spawn_blocking(move || {
            let found = (name.as_str(), 0).to_socket_addrs().map(Vec::from_iter);
            drop(slot);
            found
        });
        let mut found = found.await.map_err(io::Error::other)??;
        found.retain(|address| is_exempt || (self.policy)(address.ip()));
        if found.is_empty() { Err(io::Error::other("no usable address")) } else { Ok(found) }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.clone().look_up(name.as_str().to_owned());
        Box::pin(async move {
            let found = tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await;
            let found = found.map_err(|_| io::Error::other("no answer from the name server"))??;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(resolver: &Resolver, name: &str) -> Result<Vec<IpAddr>, String> {
        let found = resolver.resolve(name.parse().unwrap()).await;
        found.map(|found| found.map(|address| address.ip()).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn s04_an_address_that_does_not_pass_never_comes_out() {
        let any = resolve(&Resolver::new(|_| true), "localhost").await.unwrap();
        assert!(!any.is_empty() && any.iter().all(IpAddr::is_loopback));
        let error = resolve(&Resolver::new(|ip| !ip.is_loopback()), "localhost").await.unwrap_err();
        assert_eq!(error, "no usable address");
        let proxy = Resolver::new(|_| false).with_exempt("localhost");
        assert!(resolve(&proxy, "localhost").await.is_ok(), "a proxy may stand anywhere");
    }

    #[tokio::test(start_paused = true)]
    async fn f21_lookups_that_hang_hold_no_more_threads_and_end_in_time() {
        let resolver = Resolver::new(|_| true);
        let _hanging =
            resolver.slots.clone().acquire_many_owned(MAX_CONCURRENT_LOOKUPS as u32).await.unwrap();
        let start = tokio::time::Instant::now();
        assert_eq!(resolve(&resolver, "localhost").await.unwrap_err(), "no answer from the name server");
        assert!(start.elapsed() <= Duration::from_secs(5));
    }
}

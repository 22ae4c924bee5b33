//! Port switch and drain.

use super::*;

const SAVE_OK: fn(SocketAddr) -> Result<(), String> = |_| Ok(());

#[tokio::test]
async fn f31_a_switch_leaves_running_answers_alone() {
    let (server, service) = start(generous_limits()).await;
    let old = server.addr();
    let mut stream = TestClient::connect_and_get(old, "/stream").await;
    let mut idle = TestClient::connect(old).await;
    assert!(idle.is_served().await);
    let saved = Mutex::new(None);
    let save = |addr| {
        *saved.lock().expect("not poisoned") = Some(addr);
        Ok(())
    };
    let new = with_timeout(server.switch(loopback(), save)).await.expect("a free port");
    assert_eq!((server.addr(), *saved.lock().expect("not poisoned")), (new, Some(new)));
    assert!(new != old && is_refused(old).await);
    assert_eq!(idle.read_to_close().await, "");
    assert!(TestClient::connect(new).await.is_served().await);
    service.release.add_permits(1);
    assert!(stream.read_to_close().await.contains("last"));
}

#[tokio::test]
async fn f31_streams_of_the_old_port_get_a_final_event_before_the_grace_ends() {
    let (server, _) =
        start(ConnectionLimits { switch_grace: HOUR + SHORT_TIMEOUT, ..generous_limits() }).await;
    let mut stream = TestClient::connect_and_get(server.addr(), "/stream").await;
    let new = with_timeout(server.switch(loopback(), SAVE_OK)).await.expect("a free port");
    assert!(stream.read_to_close().await.contains("interrupted\r\n0\r\n\r\n"));
    assert!(!server.closing().is_cancelled(), "the server itself goes on");
    assert!(TestClient::connect(new).await.is_served().await);
}

#[tokio::test]
async fn f31_after_the_grace_connections_of_the_old_port_are_cut() {
    let (server, _) = start(ConnectionLimits { switch_grace: SHORT_TIMEOUT, ..generous_limits() }).await;
    let mut stalled = TestClient::connect_and_get(server.addr(), "/stalled").await;
    with_timeout(server.switch(loopback(), SAVE_OK)).await.expect("a free port");
    assert!(
        !stalled.read_to_close().await.contains("0\r\n\r\n"),
        "the client can see that it is not the end"
    );
}

#[tokio::test]
async fn f31_a_failed_save_or_a_taken_port_leaves_the_old_one() {
    let (server, _) = start(generous_limits()).await;
    let old = server.addr();
    let mut client = TestClient::connect(old).await;
    let mut attempted = None;
    let failed = server.switch(loopback(), |addr| {
        attempted = Some(addr);
        Err("disk full".to_owned())
    });
    assert!(matches!(with_timeout(failed).await, Err(SwitchError::Save(reason)) if reason == "disk full"));
    assert!(is_refused(attempted.expect("it was bound first")).await);
    let other = bind(loopback()).await.expect("a free port");
    let taken = with_timeout(server.switch(other.addr(), |_| panic!("not to be saved"))).await;
    assert!(matches!(taken, Err(SwitchError::Bind(BindError::Taken { .. }))), "{taken:?}");
    assert_eq!(server.addr(), old);
    assert!(client.is_served().await && TestClient::connect(old).await.is_served().await);
}

#[tokio::test]
async fn f32_the_same_address_is_no_change() {
    let (server, _) = start(generous_limits()).await;
    let mut client = TestClient::connect(server.addr()).await;
    let same = with_timeout(server.switch(server.addr(), |_| panic!("nothing to save"))).await;
    assert_eq!(same.expect("fine"), server.addr());
    assert!(client.is_served().await);
}

#[tokio::test]
async fn f32_concurrent_switches_leave_one_listener() {
    let (server, _) = start(generous_limits()).await;
    let (first, saved) = (server.addr(), Mutex::new(Vec::new()));
    let save = |addr| {
        saved.lock().expect("not poisoned").push(addr);
        Ok(())
    };
    let switches = (0..20).map(|_| server.switch(loopback(), save));
    let ports = with_timeout(futures_util::future::join_all(switches)).await;
    let ports: Vec<SocketAddr> = ports.into_iter().map(|port| port.expect("a free port")).collect();
    let saved = saved.into_inner().expect("not poisoned");
    assert_eq!(
        (saved.len(), saved.last()),
        (20, Some(&server.addr())),
        "what was saved last is what listens"
    );
    for port in ports.into_iter().chain([first]) {
        assert_eq!(is_refused(port).await, port != server.addr(), "{port}");
    }
}

#[tokio::test]
async fn f34_a_stop_lets_answers_finish_and_closes_idle_connections() {
    let (server, service) = start(generous_limits()).await;
    let addr = server.addr();
    let mut idle = TestClient::connect(addr).await;
    assert!(idle.is_served().await);
    let mut stream = TestClient::connect_and_get(addr, "/stream").await;
    let stop = server.stop(LONG_GRACE);
    let client = async {
        assert_eq!(idle.read_to_close().await, "");
        assert!(is_refused(addr).await);
        service.release.add_permits(1);
        assert!(stream.read_to_close().await.contains("last"));
    };
    let (drained, ()) = with_timeout(async { tokio::join!(stop, client) }).await;
    assert_eq!(drained, Drained { cut: 0 });
    assert_eq!(server.connections(), 0);
    assert!(matches!(server.switch(loopback(), SAVE_OK).await, Err(SwitchError::Stopping)));
}

#[tokio::test]
async fn f34_streams_get_a_final_event_before_the_grace_ends() {
    let (server, _) = start(generous_limits()).await;
    let mut stream = TestClient::connect_and_get(server.addr(), "/stream").await;
    assert_eq!(with_timeout(server.stop(HOUR + SHORT_TIMEOUT)).await, Drained { cut: 0 });
    assert!(server.closing().is_cancelled());
    assert!(stream.read_to_close().await.contains("interrupted\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn f34_after_the_grace_the_rest_is_cut_and_counted() {
    let (server, service) = start(generous_limits()).await;
    let mut stalled = TestClient::connect_and_get(server.addr(), "/stalled").await;
    let mut held = TestClient::connect(server.addr()).await;
    held.send_get("/held").await;
    service.wait_for_request("/held").await;
    let mut idle = TestClient::connect(server.addr()).await;
    assert!(idle.is_served().await);
    assert_eq!(with_timeout(server.stop(SHORT_TIMEOUT)).await, Drained { cut: 2 });
    assert!(!stalled.read_to_close().await.contains("0\r\n\r\n"));
    assert_eq!((held.read_to_close().await, idle.read_to_close().await), (String::new(), String::new()));
}

#[tokio::test]
async fn f34_a_second_stop_ends_the_first_at_once() {
    let (server, _) = start(generous_limits()).await;
    let _stalled = TestClient::connect_and_get(server.addr(), "/stalled").await;
    let stops = async { tokio::join!(server.stop(LONG_GRACE), server.stop(Duration::ZERO)) };
    assert_eq!(with_timeout(stops).await, (Drained { cut: 1 }, Drained { cut: 1 }));
}

#[tokio::test]
async fn f34_a_stop_also_ends_connections_of_an_earlier_switch() {
    let (server, _) = start(generous_limits()).await;
    let mut stalled = TestClient::connect_and_get(server.addr(), "/stalled").await;
    with_timeout(server.switch(loopback(), SAVE_OK)).await.expect("a free port");
    assert_eq!(with_timeout(server.stop(Duration::ZERO)).await, Drained { cut: 1 });
    stalled.read_to_close().await;
}

#[tokio::test]
async fn a_dropped_server_closes_all_connections() {
    let (server, _) = start(generous_limits()).await;
    let mut stalled = TestClient::connect_and_get(server.addr(), "/stalled").await;
    drop(server);
    stalled.read_to_close().await;
}

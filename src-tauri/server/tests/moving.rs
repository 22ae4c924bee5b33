//! Switching the port, and the end.

use super::*;

const SAVED: fn(SocketAddr) -> Result<(), String> = |_| Ok(());

#[tokio::test]
async fn f31_a_switch_leaves_running_answers_alone() {
    let (server, service) = start(patient()).await;
    let old = server.addr();
    let mut stream = Client::begun(old, "/stream").await;
    let mut idle = Client::connect(old).await;
    assert!(idle.is_served().await);
    let saved = Mutex::new(None);
    let save = |addr| {
        *saved.lock().expect("not poisoned") = Some(addr);
        Ok(())
    };
    let new = within(server.switch(loopback(), save)).await.expect("a free port");
    assert_eq!((server.addr(), *saved.lock().expect("not poisoned")), (new, Some(new)));
    assert!(new != old && is_refused(old).await);
    assert_eq!(idle.rest().await, "");
    assert!(Client::connect(new).await.is_served().await);
    service.go.add_permits(1);
    assert!(stream.rest().await.contains("last"));
}

#[tokio::test]
async fn f31_before_the_grace_is_over_streams_of_the_old_port_say_that_they_end() {
    let (server, _) = start(Limits { switch_grace: HOUR + SOON, ..patient() }).await;
    let mut stream = Client::begun(server.addr(), "/stream").await;
    let new = within(server.switch(loopback(), SAVED)).await.expect("a free port");
    assert!(stream.rest().await.contains("interrupted\r\n0\r\n\r\n"));
    assert!(!server.closing().is_cancelled(), "the server itself goes on");
    assert!(Client::connect(new).await.is_served().await);
}

#[tokio::test]
async fn f31_after_the_grace_the_rest_of_the_old_port_is_cut() {
    let (server, _) = start(Limits { switch_grace: SOON, ..patient() }).await;
    let mut deaf = Client::begun(server.addr(), "/deaf").await;
    within(server.switch(loopback(), SAVED)).await.expect("a free port");
    assert!(!deaf.rest().await.contains("0\r\n\r\n"), "the client can see that it is not the end");
}

#[tokio::test]
async fn f31_a_failed_save_or_a_taken_port_leaves_the_old_one() {
    let (server, _) = start(patient()).await;
    let old = server.addr();
    let mut client = Client::connect(old).await;
    let mut tried = None;
    let failed = server.switch(loopback(), |addr| {
        tried = Some(addr);
        Err("disk full".to_owned())
    });
    assert!(matches!(within(failed).await, Err(SwitchError::Save(reason)) if reason == "disk full"));
    assert!(is_refused(tried.expect("it was bound first")).await);
    let other = bind(loopback()).await.expect("a free port");
    let taken = within(server.switch(other.addr(), |_| panic!("not to be saved"))).await;
    assert!(matches!(taken, Err(SwitchError::Bind(BindError::Taken { .. }))), "{taken:?}");
    assert_eq!(server.addr(), old);
    assert!(client.is_served().await && Client::connect(old).await.is_served().await);
}

#[tokio::test]
async fn f32_the_same_address_is_no_change() {
    let (server, _) = start(patient()).await;
    let mut client = Client::connect(server.addr()).await;
    let same = within(server.switch(server.addr(), |_| panic!("nothing to save"))).await;
    assert_eq!(same.expect("fine"), server.addr());
    assert!(client.is_served().await);
}

#[tokio::test]
async fn f32_of_many_switches_at_once_one_listener_remains() {
    let (server, _) = start(patient()).await;
    let (first, saved) = (server.addr(), Mutex::new(Vec::new()));
    let save = |addr| {
        saved.lock().expect("not poisoned").push(addr);
        Ok(())
    };
    let switches = (0..20).map(|_| server.switch(loopback(), save));
    let ports = within(futures_util::future::join_all(switches)).await;
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
    let (server, service) = start(patient()).await;
    let addr = server.addr();
    let mut idle = Client::connect(addr).await;
    assert!(idle.is_served().await);
    let mut stream = Client::begun(addr, "/stream").await;
    let stop = server.stop(LONG);
    let client = async {
        assert_eq!(idle.rest().await, "");
        assert!(is_refused(addr).await);
        service.go.add_permits(1);
        assert!(stream.rest().await.contains("last"));
    };
    let (drained, ()) = within(async { tokio::join!(stop, client) }).await;
    assert_eq!(drained, Drained { cut: 0 });
    assert_eq!(server.connections(), 0);
    assert!(matches!(server.switch(loopback(), SAVED).await, Err(SwitchError::Stopping)));
}

#[tokio::test]
async fn f34_before_the_grace_is_over_streams_say_that_they_end() {
    let (server, _) = start(patient()).await;
    let mut stream = Client::begun(server.addr(), "/stream").await;
    assert_eq!(within(server.stop(HOUR + SOON)).await, Drained { cut: 0 });
    assert!(server.closing().is_cancelled());
    assert!(stream.rest().await.contains("interrupted\r\n0\r\n\r\n"));
}

#[tokio::test]
async fn f34_after_the_grace_the_rest_is_cut_and_counted() {
    let (server, service) = start(patient()).await;
    let mut deaf = Client::begun(server.addr(), "/deaf").await;
    let mut held = Client::connect(server.addr()).await;
    held.ask("/held").await;
    service.was_asked("/held").await;
    let mut idle = Client::connect(server.addr()).await;
    assert!(idle.is_served().await);
    assert_eq!(within(server.stop(SOON)).await, Drained { cut: 2 });
    assert!(!deaf.rest().await.contains("0\r\n\r\n"));
    assert_eq!((held.rest().await, idle.rest().await), (String::new(), String::new()));
}

#[tokio::test]
async fn f34_a_second_stop_ends_the_first_at_once() {
    let (server, _) = start(patient()).await;
    let _deaf = Client::begun(server.addr(), "/deaf").await;
    let both = async { tokio::join!(server.stop(LONG), server.stop(Duration::ZERO)) };
    assert_eq!(within(both).await, (Drained { cut: 1 }, Drained { cut: 1 }));
}

#[tokio::test]
async fn f34_a_stop_also_ends_what_an_earlier_switch_left_behind() {
    let (server, _) = start(patient()).await;
    let mut deaf = Client::begun(server.addr(), "/deaf").await;
    within(server.switch(loopback(), SAVED)).await.expect("a free port");
    assert_eq!(within(server.stop(Duration::ZERO)).await, Drained { cut: 1 });
    deaf.rest().await;
}

#[tokio::test]
async fn a_dropped_server_leaves_nothing_open() {
    let (server, _) = start(patient()).await;
    let mut deaf = Client::begun(server.addr(), "/deaf").await;
    drop(server);
    deaf.rest().await;
}

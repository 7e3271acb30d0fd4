//! Those who connect and say nothing, or not enough: they cost a seat for a while, and then are gone.

use std::net::{IpAddr, Ipv4Addr};

use tokio::task::JoinSet;

use super::Scene;
use crate::raw::Raw;

/// How many; fewer only where the machine allows fewer open files.
const SILENT: usize = 10_000;
/// From one address; the server allows 512.
const PER_ADDRESS: usize = 500;

#[tokio::test]
async fn ten_thousand_connections_that_never_speak_are_borne_and_got_rid_of() {
    let files = raised_open_files();
    let count = SILENT.min(files.saturating_sub(500));
    let mut scene = Scene::open(&["--head-timeout", "8s"]).await;
    let key = scene.server.key("default");
    let mut silent = Vec::with_capacity(count);
    for number in 0..count {
        let source = IpAddr::V4(Ipv4Addr::new(127, 0, 1, u8::try_from(number / PER_ADDRESS).unwrap()));
        silent.push(Raw::open_from(source, &scene.server).await.unwrap());
        if number % 1_000 == 999 {
            scene.is_unharmed().await;
        }
    }
    scene.is_unharmed().await;
    let at_once = connections(&scene, &key).await;
    assert!(at_once > count * 9 / 10, "{at_once} of {count} at once");
    let mut left = JoinSet::new();
    for mut one in silent {
        left.spawn(async move { one.gone().await });
    }
    while let Some(gone) = left.join_next().await {
        gone.unwrap();
    }
    scene.is_unharmed().await;
    let still_there = connections(&scene, &key).await;
    assert!(still_there < 10, "{still_there} are still there");
    assert_eq!(figure(&scene, &key, "parlour_connections_refused_total").await, 0, "all were let in");
}

async fn connections(scene: &Scene, key: &str) -> usize {
    figure(scene, key, "parlour_connections").await
}

async fn figure(scene: &Scene, key: &str, name: &str) -> usize {
    let text = scene.http.get_as(key, "/metrics").await.text;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name}: {text}")).parse().unwrap()
}

#[tokio::test]
async fn one_address_has_no_more_than_its_share() {
    let mut scene = Scene::open(&["--connections-per-address", "20"]).await;
    let source = IpAddr::V4(Ipv4Addr::new(127, 0, 2, 1));
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::open_from(source, &scene.server).await.unwrap();
        raw.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(raw.answer().await.status, 200);
        held.push(raw);
    }
    Raw::open_from(source, &scene.server).await.unwrap().gone().await;
    scene.is_unharmed().await;
}

#[tokio::test]
async fn half_a_head_and_a_websocket_that_never_connects_end_in_time() {
    let mut scene = Scene::open(&["--head-timeout", "500ms"]).await;
    let mut half = Raw::open(&scene.server).await;
    half.send(b"GET / HTTP/1.1\r\nHost: ").await;
    let mut unconnected = Raw::websocket(&scene.server).await;
    let mut idle = Raw::open(&scene.server).await;
    idle.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    half.gone().await;
    idle.gone().await;
    assert_eq!(unconnected.closed().await, 3502);
    scene.is_unharmed().await;
}

/// Raises the limit of open files of this process as far as it may be; what it is then.
fn raised_open_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).unwrap();
    limit.maximum.map_or(usize::MAX, |files| usize::try_from(files).unwrap())
}

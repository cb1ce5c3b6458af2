//! A process that runs out of descriptors, which must not be this one: the test runs itself again under a limit.

use std::process::Command;
use std::time::Instant;

use super::client::Client;
use super::world::{World, eventually};

const INSIDE: &str = "http::tests::descriptors::inside";

#[test]
fn without_descriptors_accepting_pauses_and_then_goes_on() {
    let program = std::env::current_exe().unwrap();
    let limited = format!("ulimit -n 40 && exec \"$0\" --exact {INSIDE} --ignored --nocapture");
    let output = Command::new("sh").arg("-c").arg(limited).arg(program).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "runs under a limit that the test above sets"]
async fn inside() {
    let world = World::new().await;
    let mut client = world.client().await;
    assert_eq!(client.get("/-/healthy").await.status, 200);
    let mut hoard = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect::<Vec<_>>();
    assert!(hoard.len() < 40);
    // One descriptor for the client, and none for the server.
    hoard.pop();
    let mut waiting = Client::connect(world.address).await;
    waiting.send("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let began = Instant::now();
    let errors = || world.sample("nbu_exporter_http_accept_errors_total");
    eventually("it is tried again", || errors() >= 3.0).await;
    // At least a tenth of a second is between two attempts; a spinning loop makes thousands.
    let (errors, most) = (errors(), 2.0 + 10.0 * began.elapsed().as_secs_f64());
    assert!(errors <= most, "{errors} attempts and not {most}");
    // Who is connected is served all along.
    assert_eq!(client.get("/-/healthy").await.status, 200);
    drop(hoard);
    assert_eq!(waiting.answer(true).await.unwrap().status, 200);
}

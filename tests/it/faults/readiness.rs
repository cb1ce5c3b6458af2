//! When a Service may lead to the exporter: what a pod's neighbours see of its start and of its end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::harness::{CONFIG, Exporter, PATIENCE, Stage, Volume, eventually};

#[test]
fn a_site_that_is_added_behind_a_firewall_that_drops_does_not_make_a_ready_exporter_unready() {
    let stage = Stage::start(1, &["paris"]);
    assert_eq!(stage.exporter.get("/-/ready").status, 200);
    // It takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let text = format!(
        "{}  - {{site: lyon, host: 127.0.0.1, port: {port}, scheme: http, apiKey: key}}\n",
        stage.config(&[("paris", 0)])
    );
    stage.apply(&text);
    let answer = stage.exporter.get("/-/ready?verbose");
    assert_eq!(answer.status, 200);
    assert!(
        answer.body().contains("[+] site lyon: ok: its first poll has not finished"),
        "{}",
        answer.body()
    );
}

/// A scraper that keeps its connection for as long as it may, as Prometheus does.
struct KeepAlive(Option<BufReader<TcpStream>>);

impl KeepAlive {
    /// The status of the page, by the open connection or else by a new one.
    fn scrape(&mut self, address: SocketAddr) -> std::io::Result<String> {
        let mut stream = match self.0.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(address)?),
        };
        stream.get_ref().set_read_timeout(Some(PATIENCE))?;
        stream.get_mut().write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n")?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        stream.read_exact(&mut vec![0; length.unwrap().parse().unwrap()])?;
        if !head.contains("connection: close") {
            self.0 = Some(stream);
        }
        Ok(head.lines().next().unwrap().to_owned())
    }
}

#[test]
fn a_rolling_update_loses_no_scrape() {
    let volume = Volume::new(&[(CONFIG, "nbuservers: []\n")]);
    let start = || {
        let flags = ["--web.listen-address", "127.0.0.1:0", "--shutdown-delay", "10s"];
        Exporter::start_with(&volume.path(CONFIG), &flags)
    };
    let (old, new) = (start(), start());
    let mut kept = KeepAlive(None);
    let mut scrape = |endpoint: SocketAddr| {
        for scraper in [&mut kept, &mut KeepAlive(None)] {
            assert_eq!(scraper.scrape(endpoint).unwrap(), "http/1.1 200 ok");
        }
    };
    scrape(old.address());
    old.signal("TERM");
    eventually("the old one is not ready", || old.get("/-/ready").status == 503);
    // The endpoints of the Service lead to it for a while yet.
    for _ in 0..50 {
        scrape(old.address());
    }
    for _ in 0..50 {
        scrape(new.address());
    }
    assert_eq!(old.wait(), Some(0));
    scrape(new.address());
}

//! Which hosts, ports and paths are accepted.

use super::super::scalar::tests::{accepted, refused};
use super::*;

#[test]
fn hosts_are_names_or_addresses() {
    accepted::<Host>(&[
        "nbu",
        "NBU.example.",
        "nbu_1.example",
        "10.0.0.1",
        "::1",
        "[2001:db8::1]",
        "bücher.example",
    ]);
    refused::<Host>(&[
        "nbu:1556",
        "a b",
        "a/b",
        "a@b",
        "[::1",
        "::1]",
        "::g",
        "-a",
        ".a",
        "a,b",
        "%41",
        "[nbu]",
        "a\nb",
        "1556",
        "10.0",
        "0x7f000001",
        "010.0.0.1",
    ]);
    refused::<Host>(&[&"a.".repeat(200)]);
    assert_eq!(Host::parse("[2001:DB8:0::1]").unwrap().normal, "2001:db8::1");
    assert_eq!(Host::parse("BÜCHER.example").unwrap().normal, "xn--bcher-kva.example");
}

#[test]
fn a_listen_host_is_told_apart() {
    assert_eq!(ListenHost::parse("::"), Some(ListenHost::Ip("::".parse().unwrap())));
    assert_eq!(ListenHost::parse("[::1]"), Some(ListenHost::Ip("::1".parse().unwrap())));
    assert_eq!(ListenHost::parse("127.0.0.1"), Some(ListenHost::Ip("127.0.0.1".parse().unwrap())));
    assert_eq!(ListenHost::parse("localhost"), Some(ListenHost::Name("localhost".to_owned())));
}

#[test]
fn the_metrics_path_is_none_of_our_own() {
    accepted::<MetricsPath>(&[
        "/metrics",
        "/metrics/",
        "/-/metrics",
        "/healthy",
        "/config/metrics",
        "/Health",
        "/sites",
        "/sites//",
        "/sitesmap/a",
    ]);
    refused::<MetricsPath>(&RESERVED_PATHS);
    refused::<MetricsPath>(&["/sites/paris", "//sites//x", "/%73ites%2Fa/b", "/sites/%41"]);
    refused::<MetricsPath>(&[
        "metrics",
        "//",
        "/health/",
        "//health",
        "/%68ealth",
        "/-/ready//",
        "/a/../health",
        "/./health",
    ]);
    refused::<MetricsPath>(&["/m?a", "/m#a", "/{m}", "/m m", "/é", "/m\n"]);
}

#[test]
fn ports_are_plain_numbers() {
    accepted::<Port>(&["1", "65535", "09440", "9440.0"]);
    refused::<Port>(&["0", "65536", "+1", "-1", "1.5", ".0", "-0", "0x1", "1_0", " 1"]);
}

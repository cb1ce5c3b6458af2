use super::*;

fn accepted<T: Scalar>(texts: &[&str]) {
    for text in texts {
        assert!(T::parse(text).is_some(), "{text:?} must be {}", T::wants());
    }
}

fn refused<T: Scalar>(texts: &[&str]) {
    for text in texts {
        assert!(T::parse(text).is_none(), "{text:?} is not {}", T::wants());
    }
}

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
        "nbu:1556", "a b", "a/b", "a@b", "[::1", "::1]", "::g", "-a", ".a", "a,b", "%41", "[nbu]", "a\nb",
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
    ]);
    refused::<MetricsPath>(&RESERVED_PATHS);
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
fn pins_have_64_digits() {
    let (plain, colons) = ("0aFF".repeat(16), ["0a"; 32].join(":"));
    accepted::<Digest>(&[&plain, &colons]);
    assert_eq!(Digest::parse(&plain).unwrap().0[..2], [10, 255]);
    refused::<Digest>(&[
        &plain[..62],
        &colons[..94],
        &colons.replace("0a:0a", "0:a0a"),
        &"+a".repeat(32),
        &"é".repeat(32),
    ]);
}

#[test]
fn booleans_are_those_of_yaml_and_go() {
    accepted::<Flag>(&["true", "TRUE", "T", "1", "yes", "on", "false", "F", "0", "No", "off"]);
    refused::<Flag>(&["tRue", "2", "maybe", " true"]);
}

#[test]
fn proxies_are_http_urls_or_none() {
    accepted::<Proxy>(&["none", "http://proxy:3128", "https://joe:pw@proxy.example/"]);
    refused::<Proxy>(&["proxy:3128", "socks5://proxy:1", "http://", "None", "ftp://a"]);
}

#[test]
fn keys_fit_into_a_header() {
    accepted::<Secret>(&["abc", "A b~!", "x"]);
    refused::<Secret>(&["a\nb", "a\tb", "é", " a", "a ", "\u{7f}", "\u{feff}a"]);
}

#[test]
fn numbers_keep_their_bounds() {
    accepted::<Port>(&["1", "65535", "09440"]);
    refused::<Port>(&["0", "65536", "+1", "-1", "1.0", "0x1", "1_0", " 1"]);
    accepted::<Count<1, 64>>(&["1", "64"]);
    refused::<Count<1, 64>>(&["0", "65", "4294967297"]);
    accepted::<Span<1_000, 60_000>>(&["1s", "1m", "1000ms"]);
    refused::<Span<1_000, 60_000>>(&["999ms", "61s", "0s", "-1s", "1"]);
    refused::<Number>(&["nan", "inf", "a"]);
}

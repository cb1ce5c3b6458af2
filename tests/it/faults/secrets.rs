//! No secret leaves the process, whatever goes wrong with it.

use nbu_exporter_simulator::{Fault, Rule};

use crate::harness::{CONFIG, Exporter, Sites, Stage, Volume, eventually, request};

/// Each in another place of a configuration, and as long as keys are.
const SECRETS: [&str; 6] = [
    "planted-inline-key-4711-A1b2C3d4E5f6G7h8I9j0K1l2M3n4",
    "planted-file-key-4712-A1b2C3d4E5f6G7h8I9j0K1l2M3n4",
    "planted-proxy-password-4713-A1b2C3d4E5f6G7h8I9j0K1l2M3n4",
    "planted-variable-4714-A1b2C3d4E5f6G7h8I9j0K1l2M3n4",
    "planted-dotenv-4715-A1b2C3d4E5f6G7h8I9j0K1l2M3n4",
    "planted-refused-key-4716-A1b2C3d4E5f6G7h8I9j0K1l2M3n4",
];

/// Everything that the exporter tells anybody now.
fn told(stage: &Stage) -> String {
    let pages = ["/", "/config", "/metrics", "/health", "/-/ready", "/nowhere"];
    let mut all: Vec<String> = pages.iter().map(|path| stage.exporter.get(path).body()).collect();
    all.push(stage.exporter.post("/-/reload").body());
    all.join("\n")
}

#[test]
fn no_secret_is_in_any_log_page_or_answer_at_the_most_talkative_level() {
    let [inline, file, proxy, variable, dotenv, refused] = SECRETS;
    let sites = Sites::marked(5);
    let servers = sites.simulation().sites();
    for (server, key) in servers.iter().zip([inline, file, inline, variable, dotenv]) {
        server.replace_keys(&[key.to_owned()]);
    }
    let mut text = sites.config([("inline", 0), ("file", 1), ("proxied", 2), ("variable", 3), ("dotenv", 4)]);
    for key in [
        format!("apiKey: {inline}"),
        "apiKeyFile: key".to_owned(),
        format!("apiKey: {inline}\n    proxyUrl: http://user:{proxy}@127.0.0.1:1"),
        "apiKey: ${PLANTED_VARIABLE}".to_owned(),
        "apiKey: ${PLANTED_DOTENV}".to_owned(),
    ] {
        text = text.replacen("apiKey: simulated-key", &key, 1);
    }
    let env = format!("PLANTED_DOTENV={dotenv}\n");
    let volume = Volume::new(&[(CONFIG, &text), ("key", file), (".env", &env)]);
    let mut command = Exporter::command(&volume.path(CONFIG));
    command.args(["--log.level", "trace", "--trace"]).env("PLANTED_VARIABLE", variable);
    let stage = Stage { exporter: Exporter::spawn(command), volume, sites };
    for (site, server) in [("inline", 0), ("file", 1), ("variable", 3), ("dotenv", 4)] {
        stage.shows(site, server);
    }
    let mut all = told(&stage);

    // Secrets on lines with mistakes, in keys of another kind, and in what is no YAML at all.
    let broken = [
        text.replacen("apiKey:", "apiKye:", 1),
        text.replacen("apiKey: ", "apiKey: [", 1),
        text.replacen("apiKey: ", "apiKey: \"", 1),
        text.replacen("apiKey: ", "apiKey:", 1),
        text.replacen("apiKey: ", "", 1),
        text.replacen("apiKey: ", "port: ", 1),
        text.replacen("apiKey: ", "timeout: ", 1),
        text.replacen("apiKey: ", "host: http://", 1),
        text.replacen("proxyUrl: http:", "proxyUrl: gopher:", 1),
        text.replacen("${PLANTED_VARIABLE}", "${PLANTED_VARIABLE}\n   port: ${PLANTED_VARIABLE}", 1),
        text.replacen("scheme: http", "scheme: ${PLANTED_DOTENV}", 1),
        text.replacen("scheme: http", "scheme: ${PLANTED_VARIABLE}", 1),
        format!("{inline}\n"),
        format!("- {inline}: {variable}\n"),
        format!("{text}\n\u{0}"),
    ];
    for bad in &broken {
        stage.volume.swap(&[(CONFIG, bad), ("key", file), (".env", &env)]);
        let answer = stage.exporter.post("/-/reload");
        assert_eq!(answer.status, 500, "{bad}");
        all += &answer.body();
        all += &told(&stage);
    }
    // A key that can not be sent, a key that is refused, a server that speaks no TLS, one that echoes nonsense.
    for key in [format!("{file}\u{7}"), format!("{file}\nsecond line"), refused.to_owned()] {
        stage.volume.swap(&[(CONFIG, &text), ("key", &key), (".env", &env)]);
        all += &told(&stage);
    }
    eventually("the refusal shows", || {
        stage.exporter.sample("nbu_api_credential_accepted{site=\"file\"}") == Some(0.0)
    });
    let tls = text.replacen("scheme: http", "scheme: https", 1);
    stage.volume.swap(&[(CONFIG, &tls), ("key", refused), (".env", &env)]);
    eventually("no TLS is said", || stage.exporter.sample("nbu_up{site=\"inline\"}") == Some(0.0));
    let faults = [
        (1, Fault::Status { code: 401, retry_after: None }),
        (3, Fault::Garbage),
        (4, Fault::Html { code: 200 }),
    ];
    for (server, fault) in faults {
        stage.server(server).faults().add(Rule::new(fault).on("/admin/jobs"));
    }
    eventually("the failures show", || stage.logged("The collector failed") >= 3);
    all += &told(&stage);

    eventually("it is talkative", || {
        let _ = request(stage.exporter.address(), &format!("no request {inline}\r\n\r\n"));
        stage.logged("level=debug") > 0
    });
    let log = stage.exporter.log();
    all += &log.join("\n");
    for secret in SECRETS {
        let place =
            all.find(secret).map(|place| &all[place.saturating_sub(300)..(place + 100).min(all.len())]);
        assert_eq!(place, None, "{secret} was told");
    }
}

//! A scripted Kubernetes API server.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use serde_json::{Value, json};

/// A Kubernetes API server that follows a script, over plain HTTP, with one ConfigMap or Secret `cfg` in the namespace
/// `ns`.
pub struct ApiServer {
    shape: Shape,
    stage: Arc<Stage>,
    directory: tempfile::TempDir,
    address: SocketAddr,
}

/// An object of this name, in this version, with this text.
type Shape = fn(&str, &str, &str) -> Value;

/// What a kind of request is answered by.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// As it should be.
    Right,
    /// This HTTP status.
    Status(u16),
    /// Nothing until there is another answer.
    Held,
    /// Status 200 with this body.
    Body(String),
}

struct Script {
    list: Answer,
    get: Answer,
    watch: Answer,
    /// The namespace in which Events are forbidden.
    no_events_in: Option<&'static str>,
    /// The names of the objects that may be watched, as an account is told of its own rules.
    allowed: Vec<&'static str>,
    object: Option<Value>,
    lists: usize,
    events: Vec<Value>,
    /// What the ConfigMap `kept` has, for the last good configuration; without it that is forbidden.
    kept: Option<Value>,
    watches: Vec<TcpStream>,
    /// By their names. Each write makes the next version.
    leases: BTreeMap<String, Value>,
    lease_version: u64,
    lease_watches: Vec<TcpStream>,
}

struct Request {
    line: String,
    body: String,
}

struct Stage {
    script: Mutex<Script>,
    changed: Condvar,
}

impl ApiServer {
    /// Starts one that has the ConfigMap in this version.
    pub fn start(version: &str, text: &str) -> Self {
        Self::with(configmap, version, text)
    }

    /// Starts one that has a Secret.
    pub fn with_secret(version: &str, text: &str) -> Self {
        Self::with(secret, version, text)
    }

    fn with(shape: Shape, version: &str, text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script = Script {
            list: Answer::Right,
            get: Answer::Right,
            watch: Answer::Right,
            no_events_in: None,
            allowed: vec!["cfg"],
            object: Some(shape("cfg", version, text)),
            lists: 0,
            events: Vec::new(),
            kept: Some(json!({})),
            watches: Vec::new(),
            leases: BTreeMap::new(),
            lease_version: 1,
            lease_watches: Vec::new(),
        };
        let stage = Arc::new(Stage { script: Mutex::new(script), changed: Condvar::new() });
        let shared = stage.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let stage = shared.clone();
                std::thread::spawn(move || stage.serve(connection));
            }
        });
        let server = Self { shape, stage, directory: tempfile::tempdir().unwrap(), address };
        server.write_kubeconfig();
        server
    }

    fn write_kubeconfig(&self) {
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "c", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c", "namespace": "ns"}}]});
        std::fs::write(self.kubeconfig(), config.to_string()).unwrap();
    }

    fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// Lets the program watch the object here.
    pub fn watched_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let is_secret = (self.shape)("", "", "")["kind"] == "Secret";
        let flag = if is_secret { "--config.kubernetes-secret=ns/cfg" } else { "--config.kubernetes=ns/cfg" };
        command.arg(flag).env("KUBECONFIG", self.kubeconfig())
    }

    /// The same for a pod in the namespace `pods`, which has Events as well.
    pub fn announced_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let pod = [("POD_NAME", "pod"), ("POD_NAMESPACE", "pods"), ("POD_UID", "p1")];
        self.watched_by(command).envs(pod)
    }

    /// The same, with the ConfigMap `kept` for the last good configuration.
    pub fn keeps_for<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        self.announced_to(command).arg("--config.last-good-kubernetes=ns/kept")
    }

    /// What is kept as the last good configuration.
    pub fn kept(&self) -> String {
        let kept = self.stage.script().kept.clone().unwrap_or_default();
        kept["config.yaml"].as_str().unwrap_or_default().to_owned()
    }

    /// Forbids to keep the last good configuration, or allows it and has nothing yet.
    pub fn may_keep(&self, may: bool) {
        self.stage.change(|script| script.kept = may.then(|| json!({})));
    }

    /// Forbids Events in this namespace.
    pub fn forbid_events(&self, namespace: &'static str) {
        self.stage.change(|script| script.no_events_in = Some(namespace));
    }

    /// From now on the rules allow only an object of this name.
    pub fn allow(&self, name: &'static str) {
        self.stage.change(|script| script.allowed = vec![name]);
    }

    /// Deletes the object.
    pub fn delete(&self) {
        let object = self.stage.script().object.clone().unwrap();
        self.stage.change(|script| script.object = None);
        self.tell("DELETED", &object);
    }

    /// The Events that were tried, as they were sent.
    pub fn events(&self) -> Vec<Value> {
        self.stage.script().events.clone()
    }

    /// From now on lists are answered so.
    pub fn answer_lists(&self, answer: Answer) {
        self.stage.change(|script| script.list = answer);
    }

    /// From now on a GET of the object is answered so.
    pub fn answer_gets(&self, answer: Answer) {
        self.stage.change(|script| script.get = answer);
    }

    /// From now on watches are answered so; those that are open end.
    pub fn answer_watches(&self, answer: Answer) {
        self.stage.change(|script| script.watch = answer);
        self.end_watches();
    }

    /// How many lists were asked for.
    pub fn lists(&self) -> usize {
        self.stage.script().lists
    }

    /// How many watches are open.
    pub fn watches(&self) -> usize {
        self.stage.script().watches.len()
    }

    fn end_watches(&self) {
        self.stage.change(|script| {
            for mut watch in script.watches.drain(..) {
                let _ = watch.write_all(b"0\r\n\r\n");
            }
        });
    }

    /// Changes the object and tells no watch of it.
    pub fn edit_silently(&self, version: &str, text: &str) {
        self.stage.change(|script| script.object = Some((self.shape)("cfg", version, text)));
    }

    /// Changes the object.
    pub fn edit(&self, version: &str, text: &str) {
        self.edit_silently(version, text);
        self.tell("MODIFIED", &(self.shape)("cfg", version, text));
    }

    /// Sends an event to every open watch.
    pub fn tell(&self, kind: &str, object: &Value) {
        let chunk = event(kind, object);
        self.stage.change(|script| {
            script.watches.retain_mut(|watch| watch.write_all(chunk.as_bytes()).is_ok());
        });
    }
}

impl Stage {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script());
        self.changed.notify_all();
    }

    /// Answers one request after the other, until a watch takes the connection.
    fn serve(&self, mut connection: TcpStream) {
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        while let Some(request) = Request::read(&mut reader) {
            if request.line.contains("/leases") && request.line.contains("watch=true") {
                if begin_stream(&mut connection) {
                    self.change(|script| script.lease_watches.push(connection));
                }
                return;
            }
            if request.line.contains("watch=true") {
                self.watch(connection);
                return;
            }
            let (status, body) = if request.line.contains("/leases") {
                self.lease(&request)
            } else if request.line.contains("/configmaps/kept") {
                self.keep(&request)
            } else if request.line.contains("/events") {
                self.event(request)
            } else if request.line.contains("/selfsubjectrulesreviews") {
                (201, self.rules())
            } else {
                self.answer(&request.line)
            };
            let head = format!("HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\n");
            let whole = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            if connection.write_all(whole.as_bytes()).is_err() {
                return;
            }
        }
    }

    /// One request about the Leases of a fleet.
    fn lease(&self, request: &Request) -> (u16, String) {
        let mut script = self.script();
        let path = request.line.split([' ', '?']).nth(1).unwrap_or_default();
        let name = path.split_once("/leases/").map(|(_, name)| name.to_owned());
        match (request.line.split(' ').next().unwrap_or_default(), name) {
            ("GET", None) => {
                let version = script.lease_version.to_string();
                let items: Vec<_> = script.leases.values().collect();
                (
                    200,
                    json!({"kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1",
                    "metadata": {"resourceVersion": version}, "items": items})
                    .to_string(),
                )
            }
            ("GET", Some(name)) => {
                script.leases.get(&name).map_or_else(|| (404, failure(404)), |lease| (200, lease.to_string()))
            }
            ("DELETE", Some(name)) => {
                if let Some(lease) = script.leases.remove(&name) {
                    script.tell_of_lease("DELETED", &lease);
                }
                (
                    200,
                    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
                        .to_string(),
                )
            }
            (method, _) => {
                let mut lease: Value = serde_json::from_str(&request.body).unwrap();
                script.lease_version += 1;
                lease["metadata"]["resourceVersion"] = script.lease_version.to_string().into();
                let name = lease["metadata"]["name"].as_str().unwrap().to_owned();
                script.leases.insert(name, lease.clone());
                script.tell_of_lease(if method == "POST" { "ADDED" } else { "MODIFIED" }, &lease);
                (200, lease.to_string())
            }
        }
    }

    fn rules(&self) -> String {
        let names = self.script().allowed.clone();
        let rule = json!({"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["configmaps", "secrets"],
            "resourceNames": names});
        json!({"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {},
            "status": {"resourceRules": [rule], "nonResourceRules": [], "incomplete": false}})
        .to_string()
    }

    fn event(&self, request: Request) -> (u16, String) {
        self.change(|script| script.events.push(serde_json::from_str(&request.body).unwrap()));
        let forbidden = self.script().no_events_in.map(|namespace| format!("/namespaces/{namespace}/"));
        if forbidden.is_some_and(|path| request.line.contains(&path)) {
            (403, failure(403))
        } else {
            (201, request.body)
        }
    }

    /// A GET, or a merge patch of the data (RFC 7386).
    fn keep(&self, request: &Request) -> (u16, String) {
        let mut script = self.script();
        let Some(kept) = &mut script.kept else { return (403, failure(403)) };
        if request.line.starts_with("PATCH ") {
            let patch: Value = serde_json::from_str(&request.body).unwrap();
            for (key, value) in patch["data"].as_object().unwrap() {
                kept[key] = value.clone();
            }
        } else {
            assert!(request.line.starts_with("GET "), "{}", request.line);
        }
        let object = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "kept", "namespace": "ns"}, "data": kept});
        (200, object.to_string())
    }

    fn answer(&self, request: &str) -> (u16, String) {
        let is_list = ["/configmaps?", "/secrets?"].iter().any(|list| request.contains(list));
        self.change(|script| script.lists += usize::from(is_list));
        let scripted = |script: &Script| if is_list { script.list.clone() } else { script.get.clone() };
        let script =
            self.changed.wait_while(self.script(), |script| scripted(script) == Answer::Held).unwrap();
        match (scripted(&script), &script.object) {
            (Answer::Status(code), _) => (code, failure(code)),
            (Answer::Body(body), _) => (200, body),
            (_, object) if is_list => (200, list(object.iter())),
            (_, Some(object)) => (200, object.to_string()),
            (_, None) => (404, failure(404)),
        }
    }

    fn watch(&self, mut connection: TcpStream) {
        let answer = self.script().watch.clone();
        if let Answer::Status(code) = answer {
            let body = failure(code);
            let head =
                format!("HTTP/1.1 {code} Scripted\r\nconnection: close\r\ncontent-length: {}", body.len());
            let _ = connection.write_all(format!("{head}\r\n\r\n{body}").as_bytes());
            return;
        }
        if begin_stream(&mut connection) {
            self.change(|script| script.watches.push(connection));
        }
    }
}

impl Script {
    fn tell_of_lease(&mut self, kind: &str, lease: &Value) {
        let chunk = event(kind, lease);
        self.lease_watches.retain_mut(|watch| watch.write_all(chunk.as_bytes()).is_ok());
    }
}

/// Begins a watch; `false` if nobody is there any more.
fn begin_stream(connection: &mut TcpStream) -> bool {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    connection.write_all(head.as_bytes()).is_ok()
}

/// An event of a watch, as a chunk.
fn event(kind: &str, object: &Value) -> String {
    let line = format!("{}\n", json!({"type": kind, "object": object}));
    format!("{:x}\r\n{line}\r\n", line.len())
}

impl Request {
    fn read(reader: &mut impl BufRead) -> Option<Self> {
        let mut head = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let line = head.next()?;
        let length = head.fold(0, |length, header| match header.to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => value.parse().unwrap(),
            _ => length,
        });
        let mut body = String::new();
        reader.take(length).read_to_string(&mut body).ok()?;
        Some(Self { line, body })
    }
}

/// An object as the API server shows it.
pub fn configmap(name: &str, version: &str, text: &str) -> Value {
    json!({"kind": "ConfigMap", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "ns", "uid": "u1", "resourceVersion": version},
        "data": {"config.yaml": text}})
}

/// The same for a Secret: its data is base64.
pub fn secret(name: &str, version: &str, text: &str) -> Value {
    let mut object = configmap(name, version, "");
    object["kind"] = "Secret".into();
    object["data"]["config.yaml"] = json!(k8s_openapi::ByteString(text.into()));
    object
}

fn list<'a>(items: impl Iterator<Item = &'a Value>) -> String {
    let items: Vec<_> = items.collect();
    let version = items.first().map_or(json!("1"), |object| object["metadata"]["resourceVersion"].clone());
    let kind = items.first().map_or("ConfigMap", |object| object["kind"].as_str().unwrap());
    json!({"kind": format!("{kind}List"), "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items})
        .to_string()
}

fn failure(code: u16) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "as the script says",
        "reason": "Scripted", "code": code})
    .to_string()
}

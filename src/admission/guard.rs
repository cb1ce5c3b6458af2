//! Decides whether an object may be written.

use std::sync::Arc;

use jiff::Timestamp;

use super::AdmissionMetrics;
use super::answer::{AdmissionResponse, Mistake, Ruling};
use super::question::{AdmissionRequest, Operation};
use crate::reload::{Judgement, Preview};
use crate::source::kubernetes::{
    Announcement, Announcer, EventIdentity, EventReason, ObjectName, WrittenObject,
};

/// The annotation that lets a configuration through that would be refused.
const OVERRIDE: &str = "nbu-exporter/admit-anyway";

/// Decides whether the object that holds the configuration may be written as it is to be.
#[derive(Debug)]
pub(crate) struct Guard {
    object: Arc<ObjectName>,
    preview: Preview,
    metrics: AdmissionMetrics,
    /// Only where Events are made.
    announcer: Option<Announcer>,
}

/// A question that can not be read: a sentence that shows nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(pub String);

impl Guard {
    /// Of this object, whose namespace is known.
    pub(crate) fn new(
        object: Arc<ObjectName>,
        preview: Preview,
        metrics: AdmissionMetrics,
        announcer: Option<Announcer>,
    ) -> Self {
        Self { object, preview, metrics, announcer }
    }

    /// Answers an `AdmissionReview` with another one. It waits for a bounded time.
    pub(crate) async fn review(&self, body: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let timer = self.metrics.begin();
        let question = AdmissionRequest::read(body).map_err(Unreadable)?;
        let answer = self.answer(&question).await?;
        if answer.ruling == Ruling::Overridden && !question.is_dry_run() {
            self.announce(&question, &answer);
        }
        self.metrics.answered(answer.ruling, timer);
        tracing::info!(
            verdict = answer.ruling.as_ref(),
            user = question.user_info.username,
            dry_run = question.is_dry_run(),
            mistakes = answer.mistakes.len(),
            "An edit was judged before it was written"
        );
        Ok(answer.review(&question.uid, &self.object).to_string().into_bytes())
    }

    async fn answer(&self, question: &AdmissionRequest<'_>) -> Result<AdmissionResponse, Unreadable> {
        let is_ours = question.kind.kind == self.object.kind.as_ref()
            && question.name == self.object.name
            && Some(&question.namespace) == self.object.namespace.as_ref();
        let (true, Operation::Create | Operation::Update, Some(object)) =
            (is_ours, question.operation, question.object)
        else {
            return Ok(AdmissionResponse::new(Ruling::Unjudged, Vec::new()));
        };
        let read = |json: &str| {
            WrittenObject::read(&self.object, json).ok_or_else(|| {
                Unreadable(format!("the object is no {} as the API server shows one", self.object.kind))
            })
        };
        let written = read(object.get())?;
        let before = question.old_object.map(|object| read(object.get())).transpose()?;
        if before.is_some_and(|before| before.text == written.text) {
            return Ok(AdmissionResponse::new(Ruling::Unjudged, Vec::new()));
        }
        let is_overridden = written.annotations.get(OVERRIDE).is_some_and(|value| value == "true");
        let mistakes = match written.text {
            Err(unusable) => vec![Mistake::of_object(&self.object.key, unusable.to_string())],
            Ok(text) => match self.preview.judge(text).await {
                Ok(Judgement::Fit { remarks }) => {
                    return Ok(AdmissionResponse::new(Ruling::Allowed, remarks));
                }
                Ok(Judgement::Unfit { mistakes }) => mistakes.into_iter().map(Mistake::from).collect(),
                Err(hung) => return Ok(AdmissionResponse::new(Ruling::Unjudged, vec![hung.to_string()])),
            },
        };
        Ok(if is_overridden { overridden(mistakes) } else { refused(mistakes) })
    }

    fn announce(&self, question: &AdmissionRequest<'_>, answer: &AdmissionResponse) {
        let Some(announcer) = &self.announcer else { return };
        let lines: Vec<_> = answer.mistakes.iter().map(Mistake::line).collect();
        let user = &question.user_info.username;
        announcer.announce(&Announcement {
            reason: EventReason::RejectionOverridden,
            note: format!(
                "{user} wrote a configuration that is refused, by {OVERRIDE}: {}",
                lines.join("\n")
            ),
            at: Timestamp::now(),
            identity: EventIdentity::Note,
        });
    }
}

fn refused(mistakes: Vec<Mistake>) -> AdmissionResponse {
    AdmissionResponse { mistakes, ..AdmissionResponse::new(Ruling::Refused, Vec::new()) }
}

fn overridden(mistakes: Vec<Mistake>) -> AdmissionResponse {
    let first = format!("nbu-exporter can not run this configuration; {OVERRIDE} lets it through:");
    let warnings = std::iter::once(first).chain(mistakes.iter().map(Mistake::line)).collect();
    AdmissionResponse { mistakes, ..AdmissionResponse::new(Ruling::Overridden, warnings) }
}

#[cfg(test)]
impl Guard {
    /// One of an exporter that runs nothing and has no files.
    pub(crate) fn fixture(
        object: ObjectName,
        registry: &prometheus::Registry,
        announcer: Option<Announcer>,
    ) -> Self {
        use crate::source::file::{FileSource, Options};
        let source = FileSource::references_only("config.yaml".as_ref(), [].into(), Options::default());
        let preview = Preview::new(move || source.reader(), crate::reload::ConfigWriter::new(None).1);
        Self::new(Arc::new(object), preview, AdmissionMetrics::new(registry).unwrap(), announcer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const GOOD: &str = "nbuservers: []\n";
    const BAD: &str = "nbuservers:\n  - site: paris\n    host: nbu.example\n    apiKey: k\n    prot: 1\n";

    struct Rig {
        guard: Guard,
        announcer: Announcer,
    }

    impl Rig {
        fn new() -> Self {
            Self::of("monitoring/cfg".parse().unwrap())
        }

        fn of(object: ObjectName) -> Self {
            let announcer = Announcer::to_test();
            let guard = Guard::fixture(object, &prometheus::Registry::new(), Some(announcer.clone()));
            Self { guard, announcer }
        }

        async fn ask(&self, request: Value) -> Value {
            let review =
                json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request });
            let answer = self.guard.review(review.to_string().as_bytes()).await.unwrap();
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!(answer["response"]["uid"], request["uid"]);
            answer["response"].clone()
        }

        async fn write(&self, text: &str) -> Value {
            self.ask(create(json!({ "config.yaml": text }))).await
        }

        fn counted(&self, verdict: &str) -> u64 {
            self.guard.metrics.counted(verdict)
        }
    }

    fn create(data: Value) -> Value {
        let mut request = json!({
            "uid": "u-1", "operation": "CREATE", "kind": { "group": "", "version": "v1", "kind": "ConfigMap" },
            "name": "cfg", "namespace": "monitoring", "userInfo": { "username": "alice" },
            "object": { "metadata": { "name": "cfg" } }, "oldObject": null, "dryRun": false,
        });
        request["object"]["data"] = data;
        request
    }

    fn update(old: Value, new: Value) -> Value {
        let mut request = create(new);
        request["operation"] = "UPDATE".into();
        request["oldObject"]["data"] = old;
        request
    }

    #[tokio::test]
    async fn a_good_text_is_allowed_and_a_bad_one_refused_with_every_mistake_as_message_and_as_cause() {
        let rig = Rig::new();
        let answer = rig.write(GOOD).await;
        assert_eq!(answer["allowed"], true);
        assert_eq!(answer["warnings"], json!(["1:13: nbuservers: is an empty list; nothing is collected"]));
        let answer = rig.write(BAD).await;
        let status = &answer["status"];
        assert_eq!(
            (&answer["allowed"], &status["reason"], &status["code"]),
            (&false.into(), &"Invalid".into(), &422.into())
        );
        let lines: Vec<_> = status["message"].as_str().unwrap().lines().skip(1).collect();
        assert!(lines.iter().any(|line| line.starts_with("5:5: nbuservers[0].prot: ")), "{lines:?}");
        let causes = status["details"]["causes"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let causes =
            causes.iter().map(|cause| format!("{}: {}", text(&cause["field"]), text(&cause["message"])));
        assert_eq!(causes.collect::<Vec<_>>(), lines);
        assert_eq!(
            ["allowed", "refused", "overridden", "unjudged"].map(|verdict| rig.counted(verdict)),
            [1, 1, 0, 0]
        );
        assert!(rig.announcer.announced().is_empty());
    }

    #[tokio::test]
    async fn a_key_that_is_gone_or_empty_is_a_mistake_and_bytes_are_a_text_as_well() {
        let rig = Rig::new();
        let gone = rig.ask(update(json!({ "config.yaml": GOOD }), json!({ "other": "x" }))).await;
        let message = gone["status"]["message"].as_str().unwrap();
        assert!(message.contains("it has no key \"config.yaml\"; its keys are: other"), "{message}");
        assert_eq!(rig.write(" \n").await["allowed"], false);
        let mut bytes = create(json!({}));
        bytes["object"]["binaryData"] = json!({ "config.yaml": "bmJ1c2VydmVyczogW10K" });
        assert_eq!(rig.ask(bytes).await["allowed"], true);
        assert_eq!(rig.counted("allowed"), 1);
    }

    #[tokio::test]
    async fn what_does_not_concern_the_text_is_let_through_unjudged() {
        let rig = Rig::new();
        let same = update(json!({ "config.yaml": BAD }), json!({ "config.yaml": BAD, "other": "x" }));
        assert_eq!(rig.ask(same).await["allowed"], true);
        let never_there = update(json!({}), json!({}));
        assert_eq!(rig.ask(never_there).await["allowed"], true);
        for (field, value) in [
            ("name", json!("other")),
            ("namespace", json!("other")),
            ("kind", json!({ "kind": "Secret" })),
            ("operation", json!("DELETE")),
            ("operation", json!("CONNECT")),
            ("object", json!(null)),
        ] {
            let mut request = create(json!({ "config.yaml": BAD }));
            request[field] = value;
            assert_eq!(rig.ask(request).await["allowed"], true, "{field}");
        }
        assert_eq!(rig.counted("unjudged"), 8);
    }

    #[tokio::test]
    async fn an_annotation_lets_a_bad_text_through_and_an_event_says_so_unless_nothing_is_written() {
        let rig = Rig::new();
        let mut request = create(json!({ "config.yaml": BAD }));
        request["object"]["metadata"]["annotations"] = json!({ OVERRIDE: "true" });
        let answer = rig.ask(request.clone()).await;
        assert_eq!(answer["allowed"], true);
        let warnings: Vec<_> =
            answer["warnings"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        assert!(warnings[0].contains(OVERRIDE) && warnings[1].starts_with("5:5: "), "{warnings:?}");
        let told = rig.announcer.announced();
        assert!(
            matches!(&told[..], [one] if one.note.starts_with("alice wrote") && one.note.contains("5:5: ")),
            "{told:?}"
        );
        request["dryRun"] = true.into();
        assert_eq!(rig.ask(request.clone()).await["allowed"], true);
        assert!(rig.announcer.announced().is_empty());
        request["object"]["metadata"]["annotations"] = json!({ OVERRIDE: "yes" });
        assert_eq!(rig.ask(request).await["allowed"], false);
        assert_eq!(rig.counted("overridden"), 2);
    }

    #[tokio::test]
    async fn a_secret_is_judged_by_its_bytes() {
        let rig = Rig::of(ObjectName::secret("monitoring/cfg").unwrap());
        let mut request = create(json!({ "config.yaml": "bmJ1c2VydmVyczogW10K" }));
        request["kind"] = json!({ "kind": "Secret" });
        assert_eq!(rig.ask(request.clone()).await["allowed"], true);
        request["object"]["data"] = json!({ "config.yaml": "bmJ1OiBbXQo=" });
        assert_eq!(rig.ask(request).await["allowed"], false);
    }

    #[tokio::test]
    async fn what_can_not_be_read_is_told_without_a_word_of_it() {
        let rig = Rig::new();
        let mut malformed = create(json!({ "config.yaml": { "planted": 1 } }));
        let review = |request: &Value| {
            json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request })
                .to_string()
        };
        for body in [
            String::new(),
            "planted".to_owned(),
            "{}".to_owned(),
            r#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}"#.to_owned(),
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#.to_owned(),
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":"planted"}"#.to_owned(),
            review(&malformed),
            {
                malformed["object"] = json!("planted");
                review(&malformed)
            },
        ] {
            let Unreadable(sentence) = rig.guard.review(body.as_bytes()).await.unwrap_err();
            assert!(!sentence.contains("planted") && !sentence.is_empty(), "{sentence}");
        }
    }
}

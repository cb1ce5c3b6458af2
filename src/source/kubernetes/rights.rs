//! What our own rights name instead of the object, for a hint when it is forbidden.

use k8s_openapi::api::authorization::v1::{ResourceRule, SelfSubjectRulesReview};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;

use super::{ObjectKind, ObjectName};

/// The names of the objects of this kind that our rules allow us to watch, if ours is not among them. Every account may
/// ask for its own rules (`system:basic-user`). Without an answer the list is empty.
pub(super) async fn allowed_instead(client: Client, object: &ObjectName) -> Vec<String> {
    let review = json!({ "metadata": {}, "spec": { "namespace": object.namespace } });
    let Ok(review) = serde_json::from_value::<SelfSubjectRulesReview>(review) else { return Vec::new() };
    let answer = Api::all(client).create(&PostParams::default(), &review).await;
    let rules = answer.ok().and_then(|review| review.status).map(|status| status.resource_rules);
    names(&rules.unwrap_or_default(), object)
}

fn names(rules: &[ResourceRule], object: &ObjectName) -> Vec<String> {
    let names = rules.iter().filter(|rule| watches(rule, object.kind)).map(|rule| &rule.resource_names);
    let mut names: Vec<_> = names.flatten().flatten().cloned().collect();
    names.sort();
    names.dedup();
    if names.contains(&object.name) { Vec::new() } else { names }
}

fn watches(rule: &ResourceRule, kind: ObjectKind) -> bool {
    let has = |words: &[String], word: &str| words.iter().any(|it| it == word || it == "*");
    let of = |words: &Option<Vec<String>>, word| words.as_ref().is_some_and(|words| has(words, word));
    of(&rule.api_groups, "") && of(&rule.resources, kind.resource()) && has(&rule.verbs, "watch")
}

/// The hint that names them; `None` if there are none.
pub(super) fn hint(names: &[String], object: &ObjectName) -> Option<String> {
    let (kind, flag) = (object.kind, object.kind.flag());
    let shown = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| {
        format!(
            "the rights that there are name another {kind}: {shown}. If that is the mounted one, name it in {flag}: {}",
            super::RENAMED
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(resource: &str, verbs: &[&str], names: &[&str]) -> ResourceRule {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        ResourceRule {
            api_groups: Some(owned(&[""])),
            resource_names: Some(owned(names)),
            resources: Some(owned(&[resource])),
            verbs: owned(verbs),
        }
    }

    fn check(rules: &[ResourceRule], expected: Option<&[&str]>) {
        let object = "ns/cfg".parse().unwrap();
        let hint = hint(&names(rules, &object), &object);
        match (&hint, expected) {
            (None, None) => {}
            (Some(hint), Some(parts)) => parts.iter().for_each(|part| assert!(hint.contains(part), "{hint}")),
            _ => panic!("{hint:?}"),
        }
    }

    #[test]
    fn a_right_to_another_name_than_ours_is_told_with_kustomize_as_a_cause() {
        let read = ["get", "list", "watch"];
        check(&[], None);
        check(&[rule("configmaps", &read, &["cfg"])], None);
        check(&[rule("secrets", &read, &["cfg-5m2b4k7t9c"])], None);
        check(&[rule("configmaps", &["update"], &["last-good"])], None);
        check(&[rule("configmaps", &["get", "update"], &["cfg-last-good"])], None);
        let hashed = ["cfg-5m2b4k7t9c", "kustomize", "--config.kubernetes", "name-references.yaml"];
        check(
            &[rule("configmaps", &["update"], &[]), rule("configmaps", &read, &[hashed[0]])],
            Some(&hashed),
        );
        check(&[rule("*", &["*"], &["other"])], Some(&["another ConfigMap: other", "--config.kubernetes"]));
    }
}

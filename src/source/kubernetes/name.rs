//! The name of the object, as the command line has it.

use std::fmt;
use std::str::FromStr;

/// The key that is read when none is named.
const DEFAULT_KEY: &str = "config.yaml";

/// What kind of object holds the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr, strum::Display)]
pub enum ObjectKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret; what is in it is shown nowhere but as the configuration is.
    Secret,
}

impl ObjectKind {
    /// The resource that a rule names.
    pub fn resource(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Secret => "secrets",
        }
    }

    /// The flag by which such an object is named.
    pub fn flag(self) -> &'static str {
        match self {
            Self::ConfigMap => "--config.kubernetes",
            Self::Secret => "--config.kubernetes-secret",
        }
    }
}

/// Which object, as the command line names it: `[NAMESPACE/]NAME[:KEY]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// What it is.
    pub kind: ObjectKind,
    /// The namespace; `None` means our own.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
    /// The key in it that holds the configuration.
    pub key: String,
}

/// Why a text names no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not of the form.
    #[error("expected [NAMESPACE/]NAME[:KEY], such as monitoring/nbu-exporter:config.yaml")]
    Form,
    /// Not a name that a namespace can have.
    #[error("{0:?} can be no namespace: {NAME_RULE}")]
    Namespace(String),
    /// Not a name that an object can have.
    #[error("{0:?} can be no name of a {1}: {NAME_RULE}")]
    Name(String, ObjectKind),
    /// Not a name that a key can have.
    #[error("{0:?} can be no key of a {1}: letters, digits, '-', '_' and '.' only")]
    Key(String, ObjectKind),
}

pub(super) const NAME_RULE: &str =
    "lower-case letters, digits, '-' and '.' only, with a letter or digit at both ends";

impl FromStr for ObjectName {
    type Err = NameError;

    /// A ConfigMap.
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(ObjectKind::ConfigMap, text)
    }
}

impl ObjectName {
    /// A Secret, as the command line names it.
    pub fn secret(text: &str) -> Result<Self, NameError> {
        Self::parse(ObjectKind::Secret, text)
    }

    /// What to say where there is no such object: beside a file that is mounted from one it may have another name.
    pub fn missing(&self, may_be_renamed: bool) -> String {
        let missing = format!("there is no such object: create it, or correct {}", self.kind.flag());
        if may_be_renamed { format!("{missing}. {}", super::RENAMED) } else { missing }
    }

    fn parse(kind: ObjectKind, text: &str) -> Result<Self, NameError> {
        let (object, key) = text.split_once(':').unwrap_or((text, DEFAULT_KEY));
        let (namespace, name) = match object.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, object),
        };
        if name.is_empty() || key.is_empty() || namespace.is_some_and(str::is_empty) {
            return Err(NameError::Form);
        }
        if let Some(namespace) =
            namespace.filter(|namespace| !is_name(namespace, 63) || namespace.contains('.'))
        {
            return Err(NameError::Namespace(namespace.to_owned()));
        }
        if !is_name(name, 253) {
            return Err(NameError::Name(name.to_owned(), kind));
        }
        let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if key.len() > 253 || !key.bytes().all(is_key) {
            return Err(NameError::Key(key.to_owned(), kind));
        }
        let (namespace, name, key) = (namespace.map(str::to_owned), name.to_owned(), key.to_owned());
        Ok(Self { kind, namespace, name, key })
    }
}

/// An RFC 1123 name (Kubernetes, "Object Names and IDs"); anything else would not be one path segment of a URL.
pub(super) fn is_name(text: &str, longest: usize) -> bool {
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_inner = |byte: u8| is_end(byte) || b"-.".contains(&byte);
    let bytes = text.as_bytes();
    bytes.len() <= longest
        && bytes.iter().copied().all(is_inner)
        && bytes.first().copied().is_some_and(is_end)
        && bytes.last().copied().is_some_and(is_end)
}

impl fmt::Display for ObjectName {
    /// As in the origin of a configuration: `configmap NAMESPACE/NAME`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.kind {
            ObjectKind::ConfigMap => "configmap ",
            ObjectKind::Secret => "secret ",
        })?;
        match &self.namespace {
            Some(namespace) => write!(formatter, "{namespace}/{}", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(Option<&str>, &str, &str), NameError>) {
        let expected = expected.map(|(namespace, name, key)| ObjectName {
            kind: ObjectKind::ConfigMap,
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            key: key.to_owned(),
        });
        assert_eq!(text.parse::<ObjectName>(), expected, "{text}");
    }

    #[test]
    fn namespace_and_key_may_be_left_out() {
        check("nbu", Ok((None, "nbu", "config.yaml")));
        check("monitoring/nbu", Ok((Some("monitoring"), "nbu", "config.yaml")));
        check("nbu:my_Config.yml", Ok((None, "nbu", "my_Config.yml")));
        check("monitoring/nbu.v1:c", Ok((Some("monitoring"), "nbu.v1", "c")));
    }

    #[test]
    fn what_can_be_no_name_is_refused_before_it_becomes_a_path() {
        for text in ["", "/nbu", "nbu:", "monitoring/", ":config.yaml"] {
            check(text, Err(NameError::Form));
        }
        check("a/b/c", Err(NameError::Name("b/c".to_owned(), ObjectKind::ConfigMap)));
        check("a.b/c", Err(NameError::Namespace("a.b".to_owned())));
        check("NBU", Err(NameError::Name("NBU".to_owned(), ObjectKind::ConfigMap)));
        check("-nbu", Err(NameError::Name("-nbu".to_owned(), ObjectKind::ConfigMap)));
        check("nbu:a/b", Err(NameError::Key("a/b".to_owned(), ObjectKind::ConfigMap)));
        check("nbu:a:b", Err(NameError::Key("a:b".to_owned(), ObjectKind::ConfigMap)));
    }

    #[test]
    fn a_secret_is_named_in_the_same_form_and_is_called_one() {
        let secret = ObjectName::secret("monitoring/nbu:c").unwrap();
        assert_eq!(secret, ObjectName { kind: ObjectKind::Secret, .."monitoring/nbu:c".parse().unwrap() });
        assert_eq!(secret.to_string(), "secret monitoring/nbu");
        let refused = ObjectName::secret("NBU").unwrap_err().to_string();
        assert!(refused.contains("no name of a Secret"), "{refused}");
    }
}

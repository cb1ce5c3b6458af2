//! The name of a fleet, and of a member of it.

use std::str::FromStr;

use super::name::{NAME_RULE, is_name};

/// Which fleet, as the command line names it: `[NAMESPACE/]NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetName {
    /// The namespace; `None` means our own.
    pub namespace: Option<String>,
    /// The value of the label that its Leases have.
    pub name: String,
}

/// Why a text names no fleet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected [NAMESPACE/]NAME, such as monitoring/nbu-exporter, each up to 63 characters: {NAME_RULE}")]
pub struct FleetNameError;

impl FromStr for FleetName {
    type Err = FleetNameError;

    fn from_str(text: &str) -> Result<Self, FleetNameError> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        let is_namespace = |namespace: &str| is_name(namespace, 63) && !namespace.contains('.');
        if !is_name(name, 63) || !namespace.is_none_or(is_namespace) {
            return Err(FleetNameError);
        }
        Ok(Self { namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }
}

/// The name of a member that runs on this host or in this pod; `None` if no Lease can be called so.
pub(crate) fn member_name(host: &str) -> Option<String> {
    Some(host.to_lowercase()).filter(|name| is_name(name, 253))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_may_be_left_out_and_what_can_be_no_label_is_refused() {
        let fleet = |text: &str| text.parse::<FleetName>().map(|fleet| (fleet.namespace, fleet.name));
        assert_eq!(fleet("nbu"), Ok((None, "nbu".to_owned())));
        assert_eq!(fleet("ns/nbu"), Ok((Some("ns".to_owned()), "nbu".to_owned())));
        for text in ["", "/nbu", "ns/", "a.b/nbu", "NBU", "a/b/c", "-nbu", &"x".repeat(64)] {
            assert_eq!(fleet(text), Err(FleetNameError), "{text}");
        }
    }

    #[test]
    fn a_host_that_is_spelled_as_hosts_are_is_a_member() {
        assert_eq!(member_name("NBU-Exporter.example").as_deref(), Some("nbu-exporter.example"));
        assert_eq!(member_name("my_host"), None);
    }
}

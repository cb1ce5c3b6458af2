//! What to do where a collector fails, in words that the doctor and the pages share.

use super::contract::CollectError;
use super::permission::Permission;
use super::resource::Resource;
use super::spec::CollectorSpec;
use crate::config::CollectorId;

impl Permission {
    /// What to do where the role of the key lacks it.
    fn cure(self) -> String {
        let Self { operation, namespace } = self;
        format!("add to the role of the key's user: operation {operation} on the namespace {namespace}")
    }
}

impl Resource {
    /// What to do where the role of the key may not read it.
    pub(crate) fn role_cure(&self) -> String {
        match self.permission {
            Some(permission) => permission.cure(),
            None => "see whether the key is still good: any key may read this".to_owned(),
        }
    }
}

impl CollectorSpec {
    /// What to do about an error of its run.
    pub(crate) fn cure(&self, error: &CollectError) -> String {
        match error {
            CollectError::NetBackup(error) if error.is_unauthorized() => {
                let refused = self.resources().find(|resource| resource.path == error.endpoint);
                refused.unwrap_or(self.main).role_cure()
            }
            CollectError::NetBackup(error) => error.cause.cure(),
            CollectError::Hidden { permission, .. } => permission.cure(),
            CollectError::Unsupported(_) => absence_cure(self.id),
        }
    }

    /// What to do where the role of the key sees only a part of what it reads.
    pub(crate) fn role_cure(&self) -> String {
        self.main.role_cure()
    }
}

/// What to do where the server does not have what a collector reads.
pub(crate) fn absence_cure(id: CollectorId) -> String {
    if id.always_runs() {
        return "see that uri (usually /netbackup) is right, or upgrade NetBackup".to_owned();
    }
    format!("turn it off (collectors.{}.enabled: false), or upgrade NetBackup", id.key())
}

#[cfg(test)]
mod tests {
    use crate::collector::COLLECTORS;
    use crate::netbackup::{Cause, Error};

    use super::*;

    #[test]
    fn a_refusal_names_what_the_role_lacks_for_the_resource_that_was_refused() {
        for spec in COLLECTORS {
            for resource in spec.resources() {
                let error = Error { endpoint: resource.path, cause: Cause::Unauthorized };
                let cure = spec.cure(&CollectError::NetBackup(error));
                let namespace = resource.permission.map_or("any key", |permission| permission.namespace);
                assert!(cure.contains(namespace), "{}: {cure}", resource.path);
            }
        }
    }
}

//! Reads what a collector can do without.

use super::contract::{CollectError, Context};
use super::hold::Hold;
use super::resource::Resource;

impl Context<'_> {
    /// Reads a resource that the collector can do without: `None` where the server's release does not have it or the role of the key
    /// may not see it. Both are remembered for hours, so that they cost no request in each run.
    pub(super) async fn optional<T>(
        &self,
        resource: &'static Resource,
        read: impl Future<Output = Result<T, CollectError>>,
    ) -> Result<Option<T>, CollectError> {
        if self.lacks(resource) {
            return Ok(None);
        }
        let version = self.client.version();
        let error = match read.await {
            Ok(value) => return Ok(Some(value)),
            // What was asked of the one version says nothing of the other.
            Err(error) if self.client.version() != version => return Err(error),
            Err(error) => error,
        };
        let is_unsupported = error.is_unsupported() || resource.is_unknown_by(&error);
        if error.is_unauthorized() && !is_unsupported {
            tracing::warn!(
                resource = resource.path,
                operation = resource.permission.map(|permission| permission.operation),
                namespace = resource.permission.map(|permission| permission.namespace),
                "The role of the API key may not see a part of what the collector reads"
            );
            self.absences.hold(resource.path, Hold::refused());
            return Ok(None);
        }
        if is_unsupported {
            tracing::info!(
                resource = resource.path,
                "NetBackup does not have a part of what the collector reads"
            );
            self.absences.hold(resource.path, Hold::unsupported(version));
            return Ok(None);
        }
        Err(error)
    }

    /// Whether it does without a resource for now: the server's release does not have it, or the role of the key may not see it.
    pub(super) fn lacks(&self, resource: &'static Resource) -> bool {
        let version = self.client.version();
        version.is_some_and(|version| version < resource.since)
            || self.absences.is_absent(resource.path, version)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Given;
    use super::super::hold::{REFUSED_PAUSE, UNSUPPORTED_PAUSE};
    use super::super::resource::{V10_0, V13_0};
    use super::*;
    use crate::netbackup::{Cause, Error};

    static OLD: Resource = Resource::new("/old", V10_0, &[]);
    static NEW: Resource = Resource::new("/new", V13_0, &[]);
    static OPEN: Resource = Resource::new("/open", V10_0, &[]).without_key();

    async fn ask(given: &Given, resource: &'static Resource, cause: Option<Cause>) -> (bool, Option<()>) {
        let mut was_asked = false;
        let read = async {
            was_asked = true;
            cause.map_or(Ok(()), |cause| Err(Error { endpoint: resource.path, cause }.into()))
        };
        let value = given.context().optional(resource, read).await;
        (was_asked, value.unwrap_or(Some(())))
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_role_may_not_see_is_asked_for_again_after_six_hours_or_with_another_key() {
        let given = Given::of_version("12.0").await;
        assert_eq!(ask(&given, &OLD, Some(Cause::Unauthorized)).await, (true, None));
        assert!(given.absences.any_refused());
        assert_eq!(ask(&given, &OLD, None).await, (false, None));
        given.absences.forget_refusals();
        assert_eq!(ask(&given, &OLD, Some(Cause::Forbidden)).await, (true, None));
        tokio::time::advance(REFUSED_PAUSE).await;
        assert_eq!(ask(&given, &OLD, None).await, (true, Some(())));
        assert!(!given.absences.any_refused());
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_release_does_not_have_is_no_failure_and_a_server_that_fails_is_one() {
        let given = Given::of_version("12.0").await;
        assert_eq!(ask(&given, &NEW, None).await, (false, None));
        assert_eq!(ask(&given, &OLD, Some(Cause::NotFound)).await, (true, None));
        assert_eq!(ask(&given, &OLD, None).await, (false, None));
        // A server may ask for a key where it does not know the path.
        assert_eq!(ask(&given, &OPEN, Some(Cause::Unauthorized)).await, (true, None));
        assert!(!given.absences.any_refused() && given.absences.any_unsupported());
        tokio::time::advance(UNSUPPORTED_PAUSE).await;
        let failed = Cause::Server { status: 500, code: None };
        assert_eq!(ask(&given, &OLD, Some(failed)).await, (true, Some(())));
        assert_eq!(ask(&given, &OLD, None).await, (true, Some(())));
    }
}

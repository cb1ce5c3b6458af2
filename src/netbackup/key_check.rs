//! Whether our key is good, and when it ends.

use jiff::Timestamp;
use tokio::time::Instant;

use super::client::Client;
use super::error::{Cause, Error};
use super::field::{Field, Text, Time};
use super::filter::quoted;
use super::get::Get;
use super::keys::{API_KEYS, KeyState};
use super::page::{DecodeError, decode, object};
use crate::config::ApiVersion;

/// Tells who sends the key, without any permission ("NetBackup API reference, /self-profile").
const PROFILE: &str = "/self-profile";
/// NetBackup 11.0 is the first that has it. Before, `/authorization-context` has a subject, whose form the reference does not tell.
const PROFILE_SINCE: ApiVersion = ApiVersion { major: 13, minor: 0 };

/// What a list of keys says of the end of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyEnd {
    /// It is the only one.
    Known(Option<Timestamp>),
    /// A role that may see the keys of others gets several, and nothing tells which one is ours.
    AmongOthers,
}

impl Client {
    /// Asks whether the key is good, with a request that needs no permission.
    pub(crate) async fn check_key(&self, deadline: Instant) -> Result<KeyState, Error> {
        match self.key_end(Get::new(API_KEYS), deadline).await {
            Ok(KeyEnd::Known(expiry)) => Ok(KeyState::Accepted { expiry }),
            Ok(KeyEnd::AmongOthers) => Ok(KeyState::Accepted { expiry: self.own_end(deadline).await }),
            Err(Error { cause: Cause::Unauthorized, .. }) => Ok(KeyState::Rejected),
            // The token of a login has no entry here, and a role may not be allowed to see any: both were accepted.
            Err(Error { cause: Cause::NotFound | Cause::Forbidden, .. }) => {
                Ok(KeyState::Accepted { expiry: None })
            }
            Err(error) => Err(error),
        }
    }

    /// When our key ends, among those of others. That the key is good is known already, so an error only leaves this open.
    async fn own_end(&self, deadline: Instant) -> Option<Timestamp> {
        if self.version().is_none_or(|version| version < PROFILE_SINCE) {
            return None;
        }
        let end = match self.owner(deadline).await {
            Ok(Some(filter)) => self.key_end(Get::new(API_KEYS).with("filter", filter), deadline).await,
            Ok(None) => return None,
            Err(error) => Err(error),
        };
        match end {
            Ok(KeyEnd::Known(expiry)) => expiry,
            Ok(KeyEnd::AmongOthers) => None,
            Err(error) => {
                tracing::debug!(%error, "The end of the API key is not known among those of others");
                None
            }
        }
    }

    async fn key_end(&self, keys: Get, deadline: Instant) -> Result<KeyEnd, Error> {
        // Two are enough to see whether there is only one.
        self.get_with(&keys.with("page[limit]", "2"), deadline, key_end).await
    }

    /// The filter that selects the keys of the user who sends this one.
    async fn owner(&self, deadline: Instant) -> Result<Option<String>, Error> {
        #[derive(serde::Deserialize)]
        struct Profile<'a> {
            #[serde(borrow)]
            data: ProfileData<'a>,
        }
        #[derive(serde::Deserialize)]
        struct ProfileData<'a> {
            #[serde(borrow)]
            attributes: ProfileAttributes<'a>,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct ProfileAttributes<'a> {
            #[serde(borrow, default)]
            user_name: Text<'a>,
            #[serde(borrow, default)]
            user_domain_name: Text<'a>,
        }

        let read = |text: &str| {
            let ProfileAttributes { user_name, user_domain_name } =
                object::<Profile<'_>>(text)?.data.attributes;
            let user = user_name.take(&mut 0).zip(user_domain_name.take(&mut 0));
            Ok(user.map(|(name, domain)| {
                format!("userName eq {} and userDomain eq {}", quoted(&name), quoted(&domain))
            }))
        };
        self.get_with(&Get::new(PROFILE), deadline, read).await
    }
}

fn key_end(text: &str) -> Result<KeyEnd, DecodeError> {
    #[derive(serde::Deserialize)]
    struct ApiKey {
        #[serde(default)]
        attributes: Option<ApiKeyAttributes>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ApiKeyAttributes {
        #[serde(default)]
        expiry_date_time: Field<Time>,
    }

    let keys = decode::<ApiKey>(text)?.records;
    if keys.len() > 1 {
        return Ok(KeyEnd::AmongOthers);
    }
    let attributes = keys.into_iter().next().and_then(|key| key.attributes);
    let second = attributes.and_then(|attributes| attributes.expiry_date_time.second(&mut 0));
    Ok(KeyEnd::Known(second.and_then(|second| Timestamp::from_second(second).ok())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netbackup::fixture::{Answer, Server, soon};

    const TWO: &str = r#"{"data":[{"attributes":{"expiryDateTime":"2027-01-01T00:00:00Z"}},{"attributes":{"expiryDateTime":"2028-01-01T00:00:00Z"}}]}"#;
    const ONE: &str = r#"{"data":[{"attributes":{"expiryDateTime":"2028-01-01T00:00:00Z"}}]}"#;
    const PROFILE_OF_A_USER: &str =
        r#"{"data":{"attributes":{"userName":"o'neill","userDomainName":"AD\\x"}}}"#;

    /// The end of the key, and what was asked for it, of a role that sees several keys.
    async fn end(version: &'static str, profile: Answer, own: &'static str) -> (Option<String>, Vec<String>) {
        let server = Server::start(move |request| match request.path.as_str() {
            "/ping" => Answer::ping(version),
            PROFILE => profile.clone(),
            _ if request.query.contains("filter") => Answer::json(own),
            _ => Answer::json(TWO),
        })
        .await;
        let KeyState::Accepted { expiry } = server.client().check_key(soon()).await.unwrap() else {
            panic!("the key is accepted")
        };
        let asked = server.received().into_iter().filter(|request| request.path != "/ping");
        (
            expiry.map(|end| end.to_string()),
            asked.map(|request| format!("{} {}", request.path, request.query)).collect(),
        )
    }

    #[tokio::test]
    async fn a_role_that_sees_the_keys_of_others_learns_the_end_of_its_own() {
        let (end, asked) = end("13.0", Answer::json(PROFILE_OF_A_USER), ONE).await;
        assert_eq!(end.as_deref(), Some("2028-01-01T00:00:00Z"));
        assert_eq!(
            asked,
            [
                "/security/api-keys page[limit]=2",
                "/self-profile ",
                "/security/api-keys filter=userName eq 'o''neill' and userDomain eq 'AD\\x'&page[limit]=2"
            ]
        );
    }

    #[tokio::test]
    async fn where_the_own_key_can_not_be_told_its_end_is_not_known() {
        assert_eq!(
            end("12.0", Answer::json(PROFILE_OF_A_USER), ONE).await.0,
            None,
            "there is no profile before 11.0"
        );
        assert_eq!(end("13.0", Answer::status(401), ONE).await.0, None);
        assert_eq!(end("13.0", Answer::json("{}"), ONE).await.0, None);
        assert_eq!(
            end("13.0", Answer::json(PROFILE_OF_A_USER), TWO).await.0,
            None,
            "a user may have several"
        );
    }
}

//! What to do where a request fails, in words that the doctor and the pages share.

use super::Cause;

/// For a key that is refused or has ended.
pub(crate) const NEW_KEY: &str = "make a new key in the web UI (Security > Access keys > API keys) or by POST /security/api-keys, and give \
     it as apiKey or apiKeyFile";
/// For a key that ends soon.
pub(crate) const NEXT_KEY: &str = "make a new key now: a changed apiKeyFile takes effect without a restart";
/// For a port that does not answer at all.
pub(crate) const NO_ANSWER: &str =
    "see that the port is right and that no firewall or NetworkPolicy drops the packets on the way";
/// For a port that takes no connection.
pub(crate) const NO_CONNECTION: &str = "see that the port is right (NetBackup: 1556) and that the service runs: bpps -x on the primary server shows it";

/// For a name that has no address.
pub(crate) fn of_name(key: &str) -> String {
    format!(
        "correct {key}, or see to the name service: in Kubernetes, that the Pod's DNS policy and NetworkPolicy let it \
         ask, and that the cluster's DNS forwards this domain"
    )
}

impl Cause {
    /// What to do about it.
    pub(crate) fn cure(&self) -> String {
        match self {
            Self::Dns(_) => return of_name("the site's host"),
            Self::ProxyDns { .. } => return of_name("the proxy's URL"),
            Self::Tls(fault) => return fault.cure.clone(),
            Self::Connect(why) if why.contains("timed out") => NO_ANSWER,
            Self::Connect(_) => NO_CONNECTION,
            Self::Timeout => {
                "see that the NetBackup web service (nbwmc) is well, or raise the site's timeout if it is this slow"
            }
            Self::NotFound
            | Self::NoApi
            | Self::Redirect(_)
            | Self::ContentType(_)
            | Self::Decode(_)
            | Self::TooLarge(_) => {
                "see that host, port and uri (usually /netbackup) lead to NetBackup's REST API and not to another service"
            }
            Self::NotAcceptable(_) | Self::Version(_) => {
                "remove apiVersion; if the server is older than NetBackup 10.0, upgrade it"
            }
            Self::Unauthorized | Self::Forbidden => NEW_KEY,
            Self::RateLimited | Self::Quiet(_) | Self::Budget => {
                "wait, and see who else sends requests to this server"
            }
            Self::Client { .. } | Self::Server { .. } | Self::Pagination(_) => {
                "look into the log of the NetBackup web service (nbwebservice) for this moment"
            }
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_drops_is_told_from_one_that_refuses() {
        for (why, cure) in [
            ("Connection refused (os error 111)", NO_CONNECTION),
            ("operation timed out", NO_ANSWER),
            ("by way of the proxy p:1: connection timed out", NO_ANSWER),
        ] {
            assert_eq!(Cause::Connect(why.to_owned()).cure(), cure, "{why}");
        }
    }
}

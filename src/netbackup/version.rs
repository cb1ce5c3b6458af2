//! Which version of the API both sides speak.

use crate::config::ApiVersion;

/// What a server announces in `X-NetBackup-API-Version` ("NetBackup API reference, /ping"): its newest version.
pub(super) fn announced(header: &str) -> Option<ApiVersion> {
    let header = header.trim();
    header.parse().ok().or_else(|| format!("{header}.0").parse().ok())
}

/// The newest version that both sides speak, or why there is none.
pub(super) fn common(server: ApiVersion) -> Result<ApiVersion, String> {
    if server < ApiVersion::OLDEST {
        let oldest = ApiVersion::OLDEST;
        return Err(format!(
            "the server speaks {server} at most, and {oldest} (NetBackup 10.0) is the oldest known"
        ));
    }
    Ok(server.min(ApiVersion::NEWEST))
}

/// All versions that we speak, newest first; minor ones exist only where a server announces them.
pub(super) fn descending() -> impl Iterator<Item = ApiVersion> {
    (ApiVersion::OLDEST.major..=ApiVersion::NEWEST.major).rev().map(|major| ApiVersion { major, minor: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: Result<&str, ()>) {
        let common = announced(header).map(common);
        assert_eq!(
            common.unwrap().map(|v| v.to_string()).map_err(|_| ()),
            expected.map(str::to_owned),
            "{header}"
        );
    }

    #[test]
    fn the_common_version_is_the_older_of_both_newest() {
        check("12.0", Ok("12.0"));
        check(" 13.1 ", Ok("13.1"));
        check("13", Ok("13.0"));
        check("15.2", Ok("14.0"));
        check("7.0", Ok("7.0"));
        check("6.0", Err(()));
        assert_eq!(announced("current"), None);
    }

    #[test]
    fn the_probe_goes_from_the_newest_to_the_oldest() {
        let versions: Vec<String> = descending().map(|version| version.to_string()).collect();
        assert_eq!(versions, ["14.0", "13.0", "12.0", "11.0", "10.0", "9.0", "8.0", "7.0"]);
    }
}

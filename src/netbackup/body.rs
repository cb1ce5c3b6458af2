//! Reads the body of an answer.

use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};

use super::Cause;

/// The most that a page may measure once it is unpacked: a page of 100 jobs has about 200 kB, so this is ample.
pub(super) const LARGEST_BODY: usize = 16 << 20;
/// Of an error's body only a code is read.
const LARGEST_ERROR_BODY: usize = 64 << 10;
/// Memory is reserved for the promised length up to here; one page of 100 jobs fits.
const BELIEVED_LENGTH: usize = 256 << 10;

/// Reads a body to its end, and no further than `limit`.
pub(super) async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, Cause> {
    let promised = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    if promised > limit {
        return Err(Cause::TooLarge(limit));
    }
    let mut body = Vec::with_capacity(promised.min(BELIEVED_LENGTH));
    while let Some(chunk) = response.chunk().await.map_err(|error| Cause::of_transport(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(Cause::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads a page. Bytes that are not UTF-8 (in the name of a file, say) are replaced, so that the rest of the page can be read.
pub(super) async fn read_json(response: Response, limit: usize) -> Result<String, Cause> {
    check_content_type(response.headers())?;
    let body = read(response, limit).await?;
    Ok(String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Reads the body of an error; what can not be read of it is left out.
pub(super) async fn read_error(response: Response) -> Vec<u8> {
    read(response, LARGEST_ERROR_BODY).await.unwrap_or_default()
}

/// `errorCode` of an error's body ("NetBackup API reference, error schema"); its text may quote our filter.
pub(super) fn error_code(body: &[u8]) -> Option<i64> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ErrorBody {
        error_code: i64,
    }
    serde_json::from_slice(body).ok().map(|body: ErrorBody| body.error_code)
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Cause> {
    let value = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let essence = value.as_deref().unwrap_or_default().split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    match essence.as_str() {
        // The reference itself writes some types as `vnc.netbackup` and `vnd:netbackup`; what matters is that it is JSON.
        json if json == "application/json"
            || (json.starts_with("application/") && json.ends_with("+json")) =>
        {
            Ok(())
        }
        "" => Err(Cause::ContentType("of no content type".to_owned())),
        "text/html" | "application/xhtml+xml" => Err(Cause::ContentType("an HTML page".to_owned())),
        other => Err(Cause::ContentType(format!("{:?}", other.chars().take(60).collect::<String>()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &'static str, accepted: bool) {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]);
        assert_eq!(check_content_type(&headers).is_ok(), accepted, "{content_type}");
    }

    #[test]
    fn parameters_of_the_content_type_do_not_matter() {
        check("application/vnd.netbackup+json;version=12.0", true);
        check("Application/Vnd.NetBackup+JSON ; charset=UTF-8;version=5.0", true);
        check("application/json", true);
        check("application/vnc.netbackup+json;version=10.0", true);
        check("application/jsonp", false);
        check("text/vnd.netbackup+csv;version=12.0", false);
        check("text/html; charset=utf-8", false);
        check("", false);
    }
}

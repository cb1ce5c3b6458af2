//! `GET /security/cacert`: the certificate authority to trust; needs no key.

use http::Method;
use serde_json::{Value, json};

use super::{Access, Call, Endpoint, Reply};
use crate::error::ApiError;
use crate::version::{ApiVersion, Format};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/security/cacert",
    access: Access::Open,
    since: ApiVersion::new(1, 0),
    formats: &[Format::Json],
    answer,
};

/// `webRootCert` and `cacert` are inferred from the older form of this resource; the reference lists only the arrays.
fn answer(call: &Call<'_>) -> Result<Reply, ApiError> {
    let Some(pem) = call.site.ca_pem() else {
        return Reply::json(&json!({"webRootCertificateData": [], "caCertificateData": []}));
    };
    let details = json!({"subjectCN": "nbatd", "subjectName": "CN=nbatd,OU=root@simulated,O=vx"});
    let certificate = |more: Value| {
        let mut certificate = json!({"caCertDetails": details, "caCert": pem});
        if let (Value::Object(object), Value::Object(more)) = (&mut certificate, more) {
            object.extend(more);
        }
        certificate
    };
    Reply::json(&json!({
        "webRootCert": pem,
        "trustVersion": "1",
        "webRootCertificateData": [certificate(json!({}))],
        "caCertificateData": [certificate(json!({"caCertAction": "ADD"}))]
    }))
}

//! A certificate with its key in a mounted directory.

use std::path::Path;

use zeroize::Zeroizing;

use super::read::read;

/// No chain is larger.
const LARGEST: u64 = 1 << 20;

/// The texts of `tls.crt` and `tls.key` in a directory, both out of one moment of a mounted Secret; otherwise a sentence. It
/// blocks as long as the file system does.
pub(crate) fn read_pair(directory: &Path) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), String> {
    // The kubelet swaps this link; what is read through it twice may be of two moments.
    let payload = directory.join("..data").canonicalize().unwrap_or_else(|_| directory.to_owned());
    let file = |name: &str| {
        let path = payload.join(name);
        let bytes = read(&path.canonicalize().unwrap_or(path), LARGEST).map(|(bytes, _)| bytes);
        bytes.map_err(|error| format!("{}: {error}", directory.join(name).display()))
    };
    Ok((file("tls.crt")?, Zeroizing::new(file("tls.key")?)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn both_come_out_of_one_moment_and_what_is_missing_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let error = read_pair(directory.path()).unwrap_err();
        assert!(
            error.contains(&*at("tls.crt").to_string_lossy()) && error.contains("no such file"),
            "{error}"
        );
        fs::create_dir(at("..1")).unwrap();
        symlink("..1", at("..data")).unwrap();
        for (name, text) in [("tls.crt", "c1"), ("tls.key", "k1")] {
            fs::write(at("..1").join(name), text).unwrap();
            // What lies beside the moment is not looked at.
            fs::write(at(name), "other").unwrap();
        }
        let (certificate, key) = read_pair(directory.path()).unwrap();
        assert_eq!((&*certificate, &**key), (&b"c1"[..], &b"k1"[..]));
    }
}

//! The input of a load: the text, the files that it names, and the variables.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The text and everything that it refers to, all from one snapshot.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Material {
    /// The configuration file's bytes.
    pub text: Vec<u8>,
    /// The files that the text names, each with its bytes or why they could not be read.
    pub files: BTreeMap<PathBuf, Result<Vec<u8>, FileProblem>>,
    /// The variables that the text may name.
    pub environment: Environment,
}

/// Files with their bytes, or why they could not be read.
pub(crate) type Files = BTreeMap<PathBuf, Result<Vec<u8>, FileProblem>>;

/// Why a file could not be read; a sentence for the report, such as `permission denied (mode 0600, we are uid 65532)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FileProblem(pub String);

/// What the process brings to the text: the variables for `${NAME}`, where the process environment wins over `.env`, and
/// what its flags name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The process environment, read once: it can not change from outside.
    pub process: BTreeMap<String, String>,
    /// The variables of `.env` in this snapshot.
    pub dotenv: BTreeMap<String, String>,
    /// The web config that `--web.config.file` names, absolute; it wins over the key.
    pub web_config: Option<PathBuf>,
}

impl Environment {
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.process.get(name).or_else(|| self.dotenv.get(name)).map(String::as_str)
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text and the files hold API keys.
        let (bytes, files) = (self.text.len(), self.files.len());
        write!(formatter, "Material({bytes} bytes + {files} files, {:?})", self.environment)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be API keys.
        write!(formatter, "Environment({} + {} variables)", self.process.len(), self.dotenv.len())
    }
}

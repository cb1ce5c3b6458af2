//! The types of policies, which NetBackup spells in three ways.

/// As jobs and anomalies spell them ("NetBackup API reference", `policyType` of `/admin/jobs`).
static AS_IN_JOBS: &[&str] = &[
    "AFS",
    "ANY",
    "APOLLO_WBAK",
    "AUSPEX_FASTBACK",
    "BACKTRACK",
    "BE_EXCHANGE",
    "BE_SQL_SERVER",
    "BIGDATA",
    "CLOUD",
    // No job is documented with it, but policies and images are (inferred).
    "CLOUD_OBJECT_STORE",
    "CMS_DB",
    "DATASTORE",
    "DB2",
    "DEPLOYMENT",
    "DFS",
    "DS",
    "ENTERPRISE_VAULT",
    "EPIC_LARGE_FILE",
    "EXCHANGE",
    "FBU_WINDOWS",
    "FLASHBACKUP",
    "GENERIC",
    "HP3000_MPE",
    "HYPERSCALE",
    "HYPERV",
    "HYPERVISOR",
    "INFORMIX",
    "KUBERNETES",
    "KVM",
    "LOTUS_NOTES",
    "MAC",
    "MSDP_OBJECT_STORE",
    "NAS_DATA_PROTECTION",
    "NBU_CATALOG",
    "NBU_SEARCHSERVER",
    "NCR_TERADATA",
    "NDMP",
    "NETWARE",
    "NONSTANDARD",
    "NUTANIX_AHV",
    "OBACKUP",
    "OLVM_RHV",
    "OS2",
    "PROXY",
    "PUREDISK_EXPORT",
    "SAP",
    "SHAREPOINT",
    "SPLITMIRROR",
    "SQL_SERVER",
    "STANDARD",
    "SYBASE",
    "UNIVERSAL_SHARE",
    "VAULT",
    "VAX_VMS",
    "VMWARE",
    "WINDOWS",
    "WINDOWS_NT",
];

/// What policies, images and alerts call otherwise, and not only with other case, hyphens or spaces (`subCategory` of `/manage/alerts`).
static OTHERWISE: &[(&str, &str)] = &[
    ("BE-MS-EXCHANGE-SERVER", "BE_EXCHANGE"),
    ("BE-MS-SQL-SERVER", "BE_SQL_SERVER"),
    ("CMS-DATABASE", "CMS_DB"),
    ("DATATOOLS-SQL-BACKTRACK", "BACKTRACK"),
    ("DISK_STAGING", "DS"),
    ("FLASHBACKUP-WINDOWS", "FBU_WINDOWS"),
    ("INFORMIX-ON-BAR", "INFORMIX"),
    ("MACINTOSH", "MAC"),
    ("MPE/iX", "HP3000_MPE"),
    ("MS-EXCHANGE-SERVER", "EXCHANGE"),
    ("MS-SHAREPOINT", "SHAREPOINT"),
    ("MS-SQL-SERVER", "SQL_SERVER"),
    ("MS-WINDOWS", "WINDOWS_NT"),
    ("OPENVMS", "VAX_VMS"),
    ("ORACLE", "OBACKUP"),
    ("TERADATA", "NCR_TERADATA"),
];

/// A type of policy in the spelling of jobs, whichever it comes in: jobs and anomalies say `WINDOWS_NT`, policies and images
/// `MS-Windows`, alerts `MS-WINDOWS`. One that is not known stays as it is.
pub(super) fn as_in_jobs(spelled: &str) -> &str {
    let same = AS_IN_JOBS.iter().map(|word| (*word, *word));
    let known = same.chain(OTHERWISE.iter().copied()).find(|(word, _)| is_same(word, spelled));
    known.map_or(spelled, |(_, word)| word)
}

/// Whether two words differ only in case and in what stands between their parts.
fn is_same(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars().filter(|letter| letter.is_alphanumeric()).map(|letter| letter.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings_of_one_type_are_one() {
        for (word, spellings) in [
            ("WINDOWS_NT", ["WINDOWS_NT", "MS-Windows", "MS-WINDOWS", "MS_WINDOWS"]),
            ("NBU_CATALOG", ["NBU_CATALOG", "NBU-Catalog", "NBU-CATALOG", "nbu catalog"]),
            ("SQL_SERVER", ["SQL_SERVER", "MS-SQL-Server", "MS-SQL-SERVER", "MS SQL Server"]),
            ("EXCHANGE", ["EXCHANGE", "MS-Exchange-Server", "MS-EXCHANGE-SERVER", "MS Exchange Server"]),
            ("OBACKUP", ["OBACKUP", "Oracle", "ORACLE", "oracle"]),
            ("HYPERV", ["HYPERV", "Hyper-V", "HYPER-V", "HyperV"]),
            ("INFORMIX", ["INFORMIX", "Informix-On-BAR", "INFORMIX-ON-BAR", "Informix ON-Bar"]),
            (
                "CLOUD_OBJECT_STORE",
                ["CLOUD-OBJECT-STORE", "Cloud-Object-Store", "Cloud Object Store", "cloudobjectstore"],
            ),
        ] {
            for spelling in spellings {
                assert_eq!(as_in_jobs(spelling), word, "{spelling}");
            }
        }
    }

    #[test]
    fn the_words_of_jobs_and_words_that_nobody_knows_stay_as_they_are() {
        for word in AS_IN_JOBS {
            assert_eq!(as_in_jobs(word), *word);
        }
        for word in ["", "MS-Something", "WINDOWS_NT_2", "Büro"] {
            assert_eq!(as_in_jobs(word), word);
        }
    }

    #[test]
    fn no_two_types_are_the_same_word_but_for_their_case() {
        let words: Vec<_> =
            AS_IN_JOBS.iter().copied().chain(OTHERWISE.iter().map(|(word, _)| *word)).collect();
        for (index, word) in words.iter().enumerate() {
            assert!(words.iter().skip(index + 1).all(|other| !is_same(word, other)), "{word} is there twice");
        }
        assert!(OTHERWISE.iter().all(|(_, word)| AS_IN_JOBS.contains(word)));
    }
}

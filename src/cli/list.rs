use std::io::{self, Write};

use super::{ListArgs, ListFormat};
use crate::app::catalogue;
use crate::metric::Desc;

/// Prints every family of the sites with its kind, labels and meaning.
pub fn list_metrics(args: &ListArgs, out: &mut impl Write) -> io::Result<()> {
    let entries = catalogue();
    match args.format {
        ListFormat::Text => entries.iter().try_for_each(|(source, desc)| {
            writeln!(
                out,
                "{} {} {{{}}} [{source}]\n    {}",
                desc.name,
                desc.kind.as_str(),
                labels(desc),
                desc.help
            )
        }),
        ListFormat::Markdown => {
            writeln!(out, "| metric | kind | names | labels | from | meaning |\n|---|---|---|---|---|---|")?;
            entries.iter().try_for_each(|(source, desc)| {
                let names = desc.naming.as_str();
                let (kind, labels) = (desc.kind.as_str(), labels(desc));
                writeln!(
                    out,
                    "| `{}` | {kind} | {names} | `{labels}` | {source} | {} |",
                    desc.name, desc.help
                )
            })
        }
        ListFormat::Json => {
            let list: Vec<_> = entries.iter().map(|(source, desc)| as_json(source, desc)).collect();
            writeln!(out, "{:#}", serde_json::Value::Array(list))
        }
    }
}

fn labels(desc: &Desc) -> String {
    std::iter::once("site").chain(desc.labels.iter().copied()).collect::<Vec<_>>().join(",")
}

fn as_json(source: &str, desc: &Desc) -> serde_json::Value {
    serde_json::json!({
        "name": desc.name,
        "type": desc.kind.as_str(),
        "names": desc.naming.as_str(),
        "labels": std::iter::once("site").chain(desc.labels.iter().copied()).collect::<Vec<_>>(),
        "from": source,
        "help": desc.help,
    })
}

//! The command `list-metrics`.

use std::io::{self, Write};

use super::{ListArgs, ListFormat};
use crate::app::{Listed, catalogue};

/// Prints every family of the sites: name, type, labels, name set, where its values come from, and meaning.
pub fn list_metrics(args: &ListArgs, out: &mut impl Write) -> io::Result<()> {
    let all = catalogue();
    match args.format {
        ListFormat::Text => all.iter().try_for_each(|listed| as_text(listed, out)),
        ListFormat::Markdown => as_markdown(&all, out),
        ListFormat::Json => {
            let list = all.iter().map(as_json).collect();
            writeln!(out, "{:#}", serde_json::Value::Array(list))
        }
    }
}

fn as_text(listed: &Listed, out: &mut impl Write) -> io::Result<()> {
    let Listed { desc, from, resource, permission } = listed;
    let (kind, names) = (desc.kind.as_ref(), desc.naming.as_ref());
    writeln!(out, "{} {kind} {{{}}}", desc.name, labels(listed, ","))?;
    writeln!(out, "    {}", desc.help)?;
    write!(out, "    names: {names}; from: {from}")?;
    if let Some(resource) = resource {
        write!(out, " (GET {resource})")?;
    }
    if let Some(permission) = permission {
        write!(out, "; permission: {permission}")?;
    }
    writeln!(out)
}

fn as_markdown(all: &[Listed], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "| metric | type | labels | names | from | permission | meaning |\n|---|---|---|---|---|---|---|"
    )?;
    for listed in all {
        let Listed { desc, from, .. } = listed;
        let from = listed.resource.map_or_else(|| (*from).to_owned(), |resource| format!("`{resource}`"));
        // A bar would end the cell, in a code span too.
        let permission =
            listed.permission.map_or_else(String::new, |name| format!("`{}`", name.replace('|', "\\|")));
        writeln!(
            out,
            "| `{}` | {} | {} | {} | {from} | {permission} | {} |",
            desc.name,
            desc.kind.as_ref(),
            labels(listed, ", "),
            desc.naming.as_ref(),
            desc.help.replace('|', "\\|")
        )?;
    }
    Ok(())
}

fn as_json(listed: &Listed) -> serde_json::Value {
    let Listed { desc, from, resource, permission } = listed;
    serde_json::json!({
        "name": desc.name,
        "type": desc.kind.as_ref(),
        "labels": listed.labels().collect::<Vec<_>>(),
        "names": desc.naming.as_ref(),
        "from": from,
        "resource": resource,
        "permission": permission,
        "help": desc.help,
    })
}

fn labels(listed: &Listed, separator: &str) -> String {
    listed.labels().collect::<Vec<_>>().join(separator)
}

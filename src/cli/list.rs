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
    let Listed { desc, from, resource, permission, since, is_default } = listed;
    let (kind, names) = (desc.kind.as_ref(), desc.naming.as_ref());
    writeln!(out, "{} {kind} {{{}}}", desc.name, labels(listed, ","))?;
    writeln!(out, "    {}", desc.help)?;
    write!(out, "    names: {names}; from: {from}")?;
    if !is_default {
        write!(out, ", off by default")?;
    }
    if let Some(resource) = resource {
        write!(out, " (GET {resource}")?;
        if let Some(since) = since {
            write!(out, ", API {since}")?;
        }
        write!(out, ")")?;
    }
    if let Some((operation, namespace)) = permission {
        write!(out, "; permission: {operation} on {namespace}")?;
    }
    writeln!(out)
}

fn as_markdown(all: &[Listed], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "| metric | type | labels | names | collector | resource | since API | permission | meaning |\n|---|---|---|---|---|---|---|---|---|"
    )?;
    for listed in all {
        let Listed { desc, from, .. } = listed;
        let resource = listed.resource.map_or_else(String::new, |resource| format!("`{resource}`"));
        let since = listed.since.map_or_else(String::new, |since| since.to_string());
        writeln!(
            out,
            "| `{}` | {} | {} | {} | {from}{} | {resource} | {since} | {} | {} |",
            desc.name,
            desc.kind.as_ref(),
            labels(listed, ", "),
            desc.naming.as_ref(),
            if listed.is_default { "" } else { " (off)" },
            listed.permission.map_or_else(String::new, permission_in_markdown),
            desc.help.replace('|', "\\|")
        )?;
    }
    Ok(())
}

/// The namespace; the operation only where it is another than viewing.
fn permission_in_markdown((operation, namespace): (&str, &str)) -> String {
    // A bar would end the cell, in a code span too.
    let code = |text: &str| format!("`{}`", text.replace('|', "\\|"));
    if operation == "|OPERATIONS|VIEW|" {
        code(namespace)
    } else {
        format!("{} on {}", code(operation), code(namespace))
    }
}

fn as_json(listed: &Listed) -> serde_json::Value {
    let Listed { desc, from, resource, permission, since, is_default } = listed;
    serde_json::json!({
        "name": desc.name,
        "type": desc.kind.as_ref(),
        "labels": listed.labels().collect::<Vec<_>>(),
        "names": desc.naming.as_ref(),
        "from": from,
        "default": is_default,
        "resource": resource,
        "since": since.map(|since| since.to_string()),
        "operation": permission.map(|(operation, _)| operation),
        "permission": permission.map(|(_, namespace)| namespace),
        "help": desc.help,
    })
}

fn labels(listed: &Listed, separator: &str) -> String {
    listed.labels().collect::<Vec<_>>().join(separator)
}

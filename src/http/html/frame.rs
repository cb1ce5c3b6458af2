//! What all pages have in common.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The browser runs no script and requests nothing, whatever a hostile name in the page asks for.
pub(in crate::http) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// All colours are at least 4.5:1 on what they stand on (WCAG 2.2, 1.4.3), in both schemes. Below 45rem a row of a table becomes a
/// block, so that nothing is wider than the window.
const STYLE: &str = "\
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1c20;--dim:#565a63;--line:#cfd3da;--bad:#b3141d;--warn:#7d4d00;--good:#1a6b2c;--badbg:#fdeeee;--box:#f4f5f7;--link:#0b57b7}\
@media(prefers-color-scheme:dark){:root{--bg:#15171b;--fg:#e7e8eb;--dim:#a9adb6;--line:#3b3f48;--bad:#ff8f86;--warn:#f0b860;--good:#82d493;--badbg:#331a1c;--box:#1e2126;--link:#8fbaff}}\
body{font:1rem/1.5 system-ui,sans-serif;background:var(--bg);color:var(--fg);max-width:80rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}\
a{color:var(--link)}h1{font-size:1.5rem;margin:0}h2{font-size:1.25rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1rem 0 .3rem}\
p{margin:.3rem 0}ul{margin:.3rem 0;padding-left:1.4rem}pre{white-space:pre-wrap;margin:.5rem 0;font-size:.9rem}\
.dim{color:var(--dim)}.bad{color:var(--bad)}.warn{color:var(--warn)}.good{color:var(--good)}\
.state{font-weight:600;white-space:nowrap}.cure{color:var(--fg)}\
.alert{border:2px solid var(--bad);background:var(--badbg);border-radius:.4rem;padding:.5rem 1rem;margin:1rem 0}.alert h2{margin:.3rem 0;color:var(--bad)}\
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.3rem .8rem}nav [aria-current]{font-weight:700;text-decoration:none;color:var(--fg)}\
details,.site{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.4rem .8rem}summary{cursor:pointer;padding:.2rem 0}summary .dim,.site .dim{margin-left:.6rem}\
.wrong{border-color:var(--bad)}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.5rem 0}dt{color:var(--dim)}dd{margin:0}\
table{border-collapse:collapse;width:100%;margin:.5rem 0;font-variant-numeric:tabular-nums}th,td{text-align:left;vertical-align:top;padding:.25rem .8rem .25rem 0;border-top:1px solid var(--line)}\
thead th{border:0;color:var(--dim);font-weight:400}thead th,td[data-of]{white-space:nowrap;overflow-wrap:normal}tbody th{font-weight:400}.why td{border:0;padding-top:0}\
.counts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,18rem),1fr));gap:.6rem;margin:.5rem 0;padding:0;list-style:none}.counts li{background:var(--box);border-radius:.4rem;padding:.5rem .8rem}.counts b{font-size:1.4rem}\
.counts ul{padding-left:1.1rem}.counts li li{padding:0}progress{width:8rem}\
@media(max-width:45rem){dl{grid-template-columns:1fr}dd{margin-bottom:.3rem}thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}table,tbody,tr,tbody th{display:block;border:0;padding:0}tbody th{font-weight:600}td,td[data-of]{white-space:normal;display:inline-block;border:0;padding:0 .8rem 0 0}\
tr{border-top:1px solid var(--line);padding:.3rem 0}.why{border:0;padding-top:0}td[data-of]::before{content:attr(data-of) ': ';color:var(--dim)}}";

/// Who reads a page, and when.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Reader<'a> {
    /// The moment of the page.
    pub(in crate::http) now: Timestamp,
    /// Where the metrics are.
    pub(in crate::http) metrics_path: &'a str,
    /// The program's version.
    pub(in crate::http) version: &'a str,
}

impl Reader<'_> {
    /// A whole page.
    pub(super) fn frame(&self, title: Option<&str>, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { @if let Some(title) = title { (title) " – " } "nbu-exporter" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        h1 {
                            @if let Some(title) = title { a href="/" { "nbu-exporter" } " " span { (title) } }
                            @else { "nbu-exporter " span.dim { (self.version) } }
                        }
                    }
                    main { (content) }
                }
            }
        }
    }
}

//! Characters that look like others, or are invisible: a name with one of them differs from the name that a person reads.

use std::collections::BTreeMap;

use unicode_script::{Script, UnicodeScript};

/// How many are shown in one message.
const MOST_SHOWN: usize = 4;

/// The confusable characters of a name; completes `the name …`.
pub(super) fn characters(text: &str) -> Option<String> {
    let mut shown: Vec<String> = Vec::new();
    let known = text.chars().filter_map(|c| Some((c, kind(c)?.to_owned())));
    for (c, kind) in known.chain(foreign_letters(text)) {
        let sentence = format!("U+{:04X} ({kind})", u32::from(c));
        if !shown.contains(&sentence) && shown.len() < MOST_SHOWN {
            shown.push(sentence);
        }
    }
    (!shown.is_empty()).then(|| format!("holds {}", shown.join(", ")))
}

fn kind(c: char) -> Option<&'static str> {
    match c {
        '\u{ab}'
        | '\u{b4}'
        | '\u{bb}'
        | '\u{2b9}'..='\u{2bf}'
        | '\u{2018}'..='\u{201f}'
        | '\u{2032}'..='\u{203a}'
        | '\u{300c}'..='\u{300f}'
        | '\u{301d}'..='\u{301f}' => Some("a typographic quote"),
        '\u{2010}'..='\u{2015}'
        | '\u{2043}'
        | '\u{2212}'
        | '\u{2e3a}'
        | '\u{2e3b}'
        | '\u{fe58}'
        | '\u{fe63}' => Some("a dash that is not the hyphen of the keyboard"),
        '\u{a0}' | '\u{2007}' | '\u{202f}' => Some("a no-break space"),
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{205f}' | '\u{3000}' => {
            Some("a space that is not the one of the keyboard")
        }
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{e0000}'..='\u{e0fff}' => Some("a character that is not seen"),
        '\u{ff01}'..='\u{ff5e}' => Some("a full-width form"),
        _ => None,
    }
}

/// The letters of another script than most of the others, each with its script.
fn foreign_letters(text: &str) -> Vec<(char, String)> {
    let letters = text.chars().filter(|c| kind(*c).is_none()).map(|c| (c, c.script()));
    let letters: Vec<(char, Script)> =
        letters.filter(|(_, script)| !matches!(script, Script::Common | Script::Inherited)).collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, script) in &letters {
        *count.entry(script.full_name()).or_default() += 1;
    }
    // These scripts are commonly mixed, and none of their letters looks like one of another.
    let harmless = |script: &Script| {
        matches!(
            script,
            Script::Latin
                | Script::Han
                | Script::Hiragana
                | Script::Katakana
                | Script::Hangul
                | Script::Bopomofo
        )
    };
    if letters.iter().all(|(_, script)| harmless(script)) {
        return Vec::new();
    }
    let main = count.iter().max_by_key(|(_, letters)| **letters).map(|(name, _)| *name);
    let strange = letters.into_iter().filter(|(_, script)| Some(script.full_name()) != main);
    strange
        .map(|(c, script)| (c, format!("{} beside {}", script.full_name(), main.unwrap_or_default())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(characters(text).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn ordinary_names_of_any_language_are_not_odd() {
        for name in [
            "paris",
            "Zürich-1 (new)",
            "Москва",
            "東京",
            "東京 DC1",
            "ありがとうカタカナ",
            "서울 dc",
            "Αθήνα",
            "القاهرة",
            "nbu_1.example",
            "naïve",
        ] {
            check(name, None);
        }
    }

    #[test]
    fn look_alikes_are_shown_by_their_code_points() {
        check("nbu\u{2013}1", Some("holds U+2013 (a dash that is not the hyphen of the keyboard)"));
        check(
            "\u{201c}nbu\u{201d}",
            Some("holds U+201C (a typographic quote), U+201D (a typographic quote)"),
        );
        check("a\u{a0}b\u{a0}c", Some("holds U+00A0 (a no-break space)"));
        check("nbu\u{200b}", Some("holds U+200B (a character that is not seen)"));
        check("nbu\u{2002}1", Some("holds U+2002 (a space that is not the one of the keyboard)"));
        check("ｎbu", Some("holds U+FF4E (a full-width form)"));
        check("p\u{430}ris", Some("holds U+0430 (Cyrillic beside Latin)"));
        check("Мocква", Some("holds U+006F (Latin beside Cyrillic), U+0063 (Latin beside Cyrillic)"));
        check(
            "p\u{3b1}ris\u{430}",
            Some("holds U+03B1 (Greek beside Latin), U+0430 (Cyrillic beside Latin)"),
        );
    }
}

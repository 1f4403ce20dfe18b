//! Texts of strangers, as any voice may say them: a database's error, the last words of a hook, what an
//! operator gives as a reason.
//!
//! Such a text stays on one line, moves no cursor and does not turn what stands beside it round. Everything
//! that comes from outside passes here before it is kept or shown.

/// Whether a character does something to a terminal or a page instead of being shown: a control character,
/// a line or paragraph separator, or one of the explicit marks of direction (Unicode, annex 9, table 4).
#[must_use]
pub fn is_misleading(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}')
}

/// `text` on one line: a blank stands for each character that [`is_misleading`].
#[must_use]
pub fn one_line(text: &str) -> String {
    text.replace(is_misleading, " ")
}

/// The first `chars` characters of `text`, on one line.
#[must_use]
pub fn start_of_line(text: &str, chars: usize) -> String {
    let end = text.char_indices().nth(chars).map_or(text.len(), |(end, _)| end);
    one_line(&text[..end])
}

/// `text` in lines of at most `width` characters, cut at blanks alone: a longer word has a longer line.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        let line = lines.last_mut().expect("there is always a line");
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_a_cursor_or_turns_a_line_round() {
        assert_eq!(one_line("denied\r\nfor \u{1b}[31muser\u{9b}2J"), "denied  for  [31muser 2J");
        assert_eq!(one_line("db1 \u{202e}1bd\u{2066}x\u{2029}\u{61c}"), "db1  1bd x  ");
        assert_eq!(
            one_line("Zugriff für „anna“ verweigert 🛑"),
            "Zugriff für „anna“ verweigert 🛑"
        );
    }

    #[test]
    fn no_word_is_broken() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("äöü äöü", 7), ["äöü äöü"]);
        assert_eq!(wrapped("a unbreakable b", 4), ["a", "unbreakable", "b"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn a_text_is_cut_by_characters() {
        assert_eq!(start_of_line("äöü\n", 3), "äöü");
        assert_eq!(start_of_line("a\nb", 9), "a b");
    }
}

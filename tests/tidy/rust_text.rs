//! Rust source as words: enough of a lexer to tell code from comments and strings, and code that
//! runs from code that only tests.
//!
//! It knows comments (nested, too), strings of every kind, characters and lifetimes. It expands no
//! macros: what a macro's arguments say is read like any other code.

use std::ops::RangeInclusive;

/// One file, taken apart.
#[derive(Debug, Default)]
pub(crate) struct RustText {
    /// Words and signs in their order; literals of text are a single `""`.
    pub(crate) tokens: Vec<Token>,
    /// Comments, line by line.
    pub(crate) comments: Vec<Comment>,
    /// Modules that exist only in tests and are files of their own: `#[cfg(test)] mod NAME;`.
    pub(crate) test_modules: Vec<String>,
    /// Lines of items under `#[cfg(test)]`.
    pub(crate) test_lines: Vec<RangeInclusive<usize>>,
}

/// A word, a number, or a sign (`::` is one sign).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) text: String,
    /// It belongs to an item under `#[cfg(test)]`.
    pub(crate) in_test: bool,
}

/// One line of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl RustText {
    pub(crate) fn read(source: &str) -> Self {
        let mut lexer = Lexer { rest: source, line: 1, text: Self::default() };
        while lexer.step() {}
        let mut text = lexer.text;
        text.mark_tests();
        text
    }

    /// How many of the file's `lines` are not under `#[cfg(test)]`.
    pub(crate) fn lines_without_tests(&self, lines: usize) -> usize {
        let in_tests: usize = self.test_lines.iter().map(|lines| lines.clone().count()).sum();
        lines - in_tests
    }

    fn mark_tests(&mut self) {
        let mut at = 0;
        while at < self.tokens.len() {
            if !is_at(&self.tokens[at..], &["#", "[", "cfg", "(", "test", ")", "]"]) {
                at += 1;
                continue;
            }
            let end = item_end(&self.tokens, at);
            let item = &self.tokens[at..end];
            if let [.., module, name, end] = item
                && module.text == "mod"
                && end.text == ";"
            {
                self.test_modules.push(name.text.clone());
            }
            if let (Some(first), Some(last)) = (item.first(), item.last()) {
                self.test_lines.push(first.line..=last.line);
            }
            self.tokens[at..end].iter_mut().for_each(|token| token.in_test = true);
            at = end;
        }
    }
}

/// Whether `tokens` begin with these texts.
pub(crate) fn is_at(tokens: &[Token], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(token, text)| token.text == *text)
}

/// Where the item ends whose first attribute stands at `start`.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut at = start;
    while is_at(&tokens[at..], &["#", "["]) {
        at = group_end(tokens, at + 1);
    }
    // An import has braces and goes on after them; whatever else has braces ends with them.
    let ends_with_braces =
        !tokens[at..].iter().take_while(|token| token.text != "{").any(|token| token.text == "use");
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            ";" => return at + 1,
            "{" if ends_with_braces => return group_end(tokens, at),
            "{" | "(" | "[" => at = group_end(tokens, at),
            _ => at += 1,
        }
    }
    tokens.len()
}

/// The place after the bracket that closes the one at `open`.
fn group_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    text: RustText,
}

impl Lexer<'_> {
    /// Reads one piece; `false` at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        if first.is_whitespace() {
            self.take(first.len_utf8());
        } else if self.rest.starts_with("//") {
            let length = self.rest.find('\n').unwrap_or(self.rest.len());
            self.comment(length);
        } else if self.rest.starts_with("/*") {
            self.comment(block_comment(self.rest));
        } else if let Some(length) = string(self.rest).or_else(|| character(self.rest)) {
            self.push("\"\"");
            self.take(length);
        } else {
            let length = match first {
                '\'' => 1 + word(&self.rest[1..]),
                _ if self.rest.starts_with("::") => 2,
                _ => word(self.rest).max(first.len_utf8()),
            };
            let text = &self.rest[..length];
            self.push(text.strip_prefix("r#").unwrap_or(text));
            self.take(length);
        }
        true
    }

    fn push(&mut self, text: &str) {
        let token = Token { line: self.line, text: text.to_owned(), in_test: false };
        self.text.tokens.push(token);
    }

    fn comment(&mut self, length: usize) {
        for (offset, line) in self.rest[..length].split('\n').enumerate() {
            let comment = Comment { line: self.line + offset, text: line.to_owned() };
            self.text.comments.push(comment);
        }
        self.take(length);
    }

    fn take(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
    }
}

/// The length of the word or number that `text` begins with.
fn word(text: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let raw = if text.starts_with("r#") { 2 } else { 0 };
    raw + text[raw..].find(|c| !is_part(c)).unwrap_or(text.len() - raw)
}

/// The length of the block comment that `text` begins with.
fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 && at < text.len() {
        if text[at..].starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if text[at..].starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of the string that `text` begins with: plain, octets, C or raw.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r"]
        .into_iter()
        .find(|prefix| text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['"', '#'])));
    let prefix = prefix.unwrap_or_default();
    let after = &text[prefix.len()..];
    let hashes = after.bytes().take_while(|&byte| byte == b'#').count();
    if !after[hashes..].starts_with('"') || (hashes > 0 && !prefix.ends_with('r')) {
        return None;
    }
    let open = prefix.len() + hashes + 1;
    if prefix.ends_with('r') {
        let close = format!("\"{}", "#".repeat(hashes));
        return Some(text[open..].find(&close).map_or(text.len(), |at| open + at + close.len()));
    }
    Some(quoted(text, open, '"'))
}

/// The length of the character that `text` begins with; `None` for a lifetime.
fn character(text: &str) -> Option<usize> {
    let open = if text.starts_with("b'") { 2 } else { 1 };
    let inside = text.strip_prefix("b'").or_else(|| text.strip_prefix('\''))?;
    let first = inside.chars().next()?;
    let is_character = first == '\\' || inside[first.len_utf8()..].starts_with('\'');
    is_character.then(|| quoted(text, open, '\''))
}

/// The place after the `quote` that ends what starts at `open`.
fn quoted(text: &str, open: usize, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text[open..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return open + at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::RustText;

    fn words(source: &str) -> String {
        let text = RustText::read(source);
        text.tokens.into_iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    fn without_tests(source: &str) -> String {
        let tokens = RustText::read(source).tokens.into_iter();
        let kept: Vec<_> = tokens.filter(|token| !token.in_test).map(|token| token.text).collect();
        kept.join(" ")
    }

    #[test]
    fn code_is_told_from_text() {
        for (source, expected) in [
            ("a::b(c)", "a :: b ( c )"),
            ("let a = \"x::y \\\" z\"; b", "let a = \"\" ; b"),
            ("r\"a\\\" b", "\"\" b"),
            ("r##\"a \"# b\"## c", "\"\" c"),
            ("b\"a\" br#\"b\"# c\"c\" d", "\"\" \"\" \"\" d"),
            ("'a' '\\'' '\"' b'x' b'\\'' c", "\"\" \"\" \"\" \"\" \"\" c"),
            ("fn f<'a>(x: &'a str) {}", "fn f < 'a > ( x : & 'a str ) { }"),
            ("a // b\nc", "a c"),
            ("a /* b /* c */ d */ e", "a e"),
            ("\"// no comment\" a", "\"\" a"),
            ("// no \" string\na", "a"),
            ("r#type breaks", "type breaks"),
            ("1_000_u32 0x7f", "1_000_u32 0x7f"),
            ("'ä' é", "\"\" é"),
        ] {
            assert_eq!(words(source), expected, "{source}");
        }
    }

    #[test]
    fn lines_are_counted_across_strings_and_comments() {
        let text = RustText::read("a\n\"b\n\" c /* d\n e */ f\n// g\nh");
        let lines: Vec<_> =
            text.tokens.iter().map(|token| (token.text.as_str(), token.line)).collect();
        assert_eq!(lines, [("a", 1), ("\"\"", 2), ("c", 3), ("f", 4), ("h", 6)]);
        let comments: Vec<_> =
            text.comments.iter().map(|comment| (comment.text.as_str(), comment.line)).collect();
        assert_eq!(comments, [("/* d", 3), (" e */", 4), ("// g", 5)]);
    }

    #[test]
    fn items_for_tests_are_marked_to_their_end() {
        for (source, kept) in [
            ("#[cfg(test)] mod t { fn a() { b } } c", "c"),
            ("#[cfg(test)] mod t; c", "c"),
            ("#[cfg(test)] use a::{b, c}; d", "d"),
            ("#[cfg(test)] pub(crate) use a::{b, c}; d", "d"),
            ("#[cfg(test)] #[derive(A)] struct B(u8); c", "c"),
            ("#[cfg(test)] fn a(b: [u8; 2]) { c; } d", "d"),
            ("#[cfg(test)] const A: [u8; 2] = [1, 2]; b", "b"),
            ("#[cfg(unix)] fn a() {}", "# [ cfg ( unix ) ] fn a ( ) { }"),
        ] {
            assert_eq!(without_tests(source), kept, "{source}");
        }
    }

    #[test]
    fn modules_and_lines_of_tests_are_known() {
        let source = "a\n#[cfg(test)]\nmod one;\nb\n#[cfg(test)]\nmod two {\n}\n";
        let text = RustText::read(source);
        assert_eq!(text.test_modules, ["one"]);
        assert_eq!(text.test_lines, [2..=3, 5..=7]);
        assert_eq!(text.lines_without_tests(source.lines().count()), 2);
    }
}

//! The header of a `.npy` file: a Python dictionary of literals, in whatever way its writer spells them. NumPy on Python 2
//! wrote `(300L, 36L)`, some programs write `(np.int64(300), 36)`, double quotes, comments, or keys in another order.

use std::ops::Range;

/// How deep lists may lie in each other; NumPy's lie three deep.
const DEEPEST: usize = 16;

/// A literal.
#[derive(Debug, PartialEq)]
pub enum Literal {
    Text(String),
    Bool(bool),
    /// As it is written, sign and all.
    Whole(String),
    /// What stands in round brackets.
    Tuple(Vec<Literal>),
    /// What stands in square brackets.
    List(Vec<Literal>),
    /// Anything else: None, numbers with a point.
    Other,
}

/// An entry of the dictionary.
pub struct DictEntry {
    pub key: String,
    pub value: Literal,
    /// Where the value stands in the header, for messages.
    pub place: Range<usize>,
}

/// Reads the whole header; `None` for what is no dictionary of literals.
pub fn entries(text: &str) -> Option<Vec<DictEntry>> {
    let mut parser = Parser { text, at: 0 };
    let mut entries = Vec::new();
    parser.take('{')?;
    while parser.take('}').is_none() {
        let key = parser.text()?;
        parser.take(':')?;
        parser.skip_spaces();
        let start = parser.at;
        let value = parser.value(0)?;
        entries.push(DictEntry { key, value, place: start..parser.at });
        if parser.take(',').is_none() {
            parser.take('}')?;
            break;
        }
    }
    parser.skip_spaces();
    parser.rest().is_empty().then_some(entries)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Goes past spaces and comments, which end with their line.
    fn skip_spaces(&mut self) {
        loop {
            let rest = self.rest();
            let shorter = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\0');
            self.at += rest.len() - shorter.len();
            if !shorter.starts_with('#') {
                return;
            }
            self.at += shorter.find('\n').unwrap_or(shorter.len());
        }
    }

    /// Goes past `wanted` and the spaces before it, if it is next.
    fn take(&mut self, wanted: char) -> Option<()> {
        self.skip_spaces();
        self.rest().strip_prefix(wanted)?;
        self.at += wanted.len_utf8();
        Some(())
    }

    /// The longest start of the rest whose characters are all `fitting`.
    fn run(&mut self, fitting: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let run = &rest[..rest.find(|c| !fitting(c)).unwrap_or(rest.len())];
        self.at += run.len();
        run
    }

    /// A text in quotes of either kind, with or without the `u` and `b` of Python.
    fn text(&mut self) -> Option<String> {
        self.skip_spaces();
        if self.rest().starts_with(['u', 'b', 'U', 'B']) {
            self.at += 1;
        }
        let quote = self.rest().chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        self.at += 1;
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((offset, c)) = characters.next() {
            match c {
                _ if c == quote => {
                    self.at += offset + 1;
                    return Some(text);
                }
                '\\' => text.push(characters.next()?.1),
                _ => text.push(c),
            }
        }
        None
    }

    fn value(&mut self, depth: usize) -> Option<Literal> {
        self.skip_spaces();
        let (rest, next) = (self.rest(), self.rest().chars().next()?);
        match next {
            '(' if depth < DEEPEST => self.brackets(')', depth).map(|(mut values, has_comma)| {
                // (5) is a number in brackets, (5,) a tuple.
                if values.len() == 1 && !has_comma { values.remove(0) } else { Literal::Tuple(values) }
            }),
            '[' if depth < DEEPEST => self.brackets(']', depth).map(|(values, _)| Literal::List(values)),
            '\'' | '"' => self.text().map(Literal::Text),
            'u' | 'b' | 'U' | 'B' if rest[1..].starts_with(['\'', '"']) => self.text().map(Literal::Text),
            '+' | '-' | '0'..='9' | '.' => Some(self.number()),
            _ => self.word(depth),
        }
    }

    /// The values up to the closing bracket, and whether a comma stands behind one.
    fn brackets(&mut self, closing: char, depth: usize) -> Option<(Vec<Literal>, bool)> {
        let (mut values, mut has_comma) = (Vec::new(), false);
        self.at += 1;
        while self.take(closing).is_none() {
            values.push(self.value(depth + 1)?);
            if self.take(',').is_some() {
                has_comma = true;
            } else {
                self.take(closing)?;
                break;
            }
        }
        Some((values, has_comma))
    }

    /// A whole number, with the `L` of Python 2 or underscores; or one that is not whole.
    fn number(&mut self) -> Literal {
        let run = self.run(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'));
        let digits: String = run.trim_end_matches(['l', 'L']).chars().filter(|&c| c != '_').collect();
        let unsigned = digits.trim_start_matches(['+', '-']);
        let is_whole = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
        let hexadecimal = |digits: &str| u64::from_str_radix(digits, 16).ok();
        let other = digits.strip_prefix("0x").or(digits.strip_prefix("0X")).and_then(hexadecimal);
        match (is_whole, other) {
            (true, _) => Literal::Whole(digits),
            (false, Some(number)) => Literal::Whole(number.to_string()),
            (false, None) => Literal::Other,
        }
    }

    /// True, False, or a call around one number: `np.int64(300)`.
    fn word(&mut self, depth: usize) -> Option<Literal> {
        let name = self.run(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
        match name {
            "" => None,
            "True" => Some(Literal::Bool(true)),
            "False" => Some(Literal::Bool(false)),
            _ if self.rest().starts_with('(') && depth < DEEPEST => {
                let (mut values, _) = self.brackets(')', depth)?;
                Some(if values.len() == 1 { values.remove(0) } else { Literal::Other })
            }
            _ => Some(Literal::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Literal {
        Literal::Whole(text.to_owned())
    }

    fn value(text: &str) -> Option<Literal> {
        let mut entries = entries(&format!("{{'a': {text}}}"))?;
        Some(entries.remove(0).value)
    }

    #[test]
    fn numbers_are_read_as_all_writers_spell_them() {
        let pair = || Some(Literal::Tuple(vec![whole("300"), whole("36")]));
        for text in
            ["(300, 36)", "(300L, 36L)", "( 300 ,36, )", "(np.int64(300), numpy.int32(36))", "(3_00,+36)"]
        {
            let found = value(text);
            let plus = Some(Literal::Tuple(vec![whole("300"), whole("+36")]));
            assert!(found == pair() || found == plus, "{text}: {found:?}");
        }
        assert_eq!(value("(5,)"), Some(Literal::Tuple(vec![whole("5")])));
        assert_eq!(value("(5)"), Some(whole("5")));
        assert_eq!(value("(1.5, -2)"), Some(Literal::Tuple(vec![Literal::Other, whole("-2")])));
    }

    #[test]
    fn quotes_spaces_and_order_are_those_of_python() {
        let all = entries("{\"shape\" :\n(),u'descr':b\"<f4\" , 'fortran_order':True}  \n").unwrap();
        let keys: Vec<_> = all.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, ["shape", "descr", "fortran_order"]);
        assert_eq!(all[1].value, Literal::Text("<f4".to_owned()));
        let text = |text: &str| Literal::Text(text.to_owned());
        let field = Literal::Tuple(vec![text("b"), text("<f4"), Literal::Tuple(vec![whole("2")])]);
        assert_eq!(value("[('b', '<f4', (2,))]"), Some(Literal::List(vec![field])));
        let commented = entries("{ # the type, }\n 'a': # here\n 5 #}\n}# '\n#").unwrap();
        assert_eq!((commented.len(), &commented[0].value), (1, &whole("5")));
        assert_eq!(value("(0x10, 0XfF)"), Some(Literal::Tuple(vec![whole("16"), whole("255")])));
    }

    #[test]
    fn what_is_no_dictionary_of_literals_is_none() {
        let deep = format!("{{'a': {}", "(".repeat(60_000));
        for text in ["", "{", "{'a'}", "{'a': }", "{'a': (1, 2}", "{'a': 'b}", "{'a': 1} x", "(1)", &deep] {
            assert!(entries(text).is_none(), "{text:.40}");
        }
    }
}

//! Checks as JUnit XML, as services for continuous integration show them.

use std::fmt::Write;

/// A check that was run.
pub struct TestCase<'a> {
    /// The group that it belongs to.
    pub group: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What went wrong; `None` where it passed.
    pub failure: Option<&'a str>,
    /// What it found, where it passed.
    pub output: String,
    /// How long it took, seconds.
    pub seconds: f64,
}

/// The document of one suite.
pub fn document(suite: &str, seconds: f64, cases: &[TestCase<'_>]) -> String {
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let (suite, count) = (escaped(suite), cases.len());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{suite}\" tests=\"{count}\" failures=\"{failures}\" \
         errors=\"0\" skipped=\"0\" time=\"{seconds:.3}\">\n"
    );
    for case in cases {
        let (group, name) = (escaped(case.group), escaped(case.name));
        let inner = match case.failure {
            Some(failure) => format!("<failure message=\"{0}\">{0}</failure>", escaped(failure)),
            None => format!("<system-out>{}</system-out>", escaped(&case.output)),
        };
        // A text takes everything.
        let _ = writeln!(
            text,
            "<testcase classname=\"{group}\" name=\"{name}\" time=\"{:.3}\">{inner}</testcase>",
            case.seconds
        );
    }
    text + "</testsuite>\n</testsuites>\n"
}

/// Text within an element or an attribute; characters that XML does not have become U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' | '\r' => escaped.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_and_nothing_in_a_name_is_markup() {
        let case =
            |name, failure| TestCase { group: "a&b", name, failure, output: "0.5".to_owned(), seconds: 0.25 };
        let text = document(
            "<gpu> \"1\"",
            1.0,
            &[case("first", None), case("sec<ond", Some("off by \u{1b}[2J \"3\" & more"))],
        );
        assert!(text.contains("name=\"&lt;gpu&gt; &quot;1&quot;\" tests=\"2\" failures=\"1\""));
        assert!(text.contains("<testcase classname=\"a&amp;b\" name=\"first\" time=\"0.250\"><system-out>0.5</system-out></testcase>"));
        assert!(text.contains("<failure message=\"off by \u{fffd}[2J &quot;3&quot; &amp; more\">"));
    }
}

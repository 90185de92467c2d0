//! Numbers in sentences: counts with their nouns, and numbers with no more digits than a reader can use.

/// `1 step`, `2 steps`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {}", plural(count, noun))
}

/// `step` of 1, `steps` of any other number.
pub fn plural(count: usize, noun: &str) -> String {
    format!("{noun}{}", if count == 1 { "" } else { "s" })
}

/// `there is 1 step`, `there are 2 steps`.
pub fn there_are(count: usize, noun: &str) -> String {
    format!("there {} {}", if count == 1 { "is" } else { "are" }, counted(count, noun))
}

/// `x` to four significant digits, in the shortest form: 3.5, -0.3333, 1.235e-9.
pub fn rounded(x: f64) -> String {
    let rounded: f64 = format!("{x:.3e}").parse().unwrap_or(x);
    let is_usual = rounded == 0.0 || (1e-4..1e7).contains(&rounded.abs()) || !rounded.is_finite();
    if is_usual { rounded.to_string() } else { format!("{rounded:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_thing_is_no_plural() {
        let texts = [0, 1, 2].map(|count| counted(count, "step"));
        assert_eq!(texts, ["0 steps", "1 step", "2 steps"]);
        assert_eq!([1, 2].map(|count| there_are(count, "row")), ["there is 1 row", "there are 2 rows"]);
    }

    #[test]
    fn numbers_have_four_digits_at_most_and_none_that_say_nothing() {
        let shown = [3.5, -2.0, 0.0, 0.1 + 0.2, 1.0 / 3.0, 255.0, 12_345.6, 1e30, 1.234_56e-9, f64::INFINITY];
        let texts = ["3.5", "-2", "0", "0.3", "0.3333", "255", "12350", "1e30", "1.235e-9", "inf"];
        assert_eq!(shown.map(rounded), texts);
        assert_eq!(rounded(f64::NAN), "NaN");
    }
}

//! A confusion matrix for people: an SVG that is as dark as the share of a class, and a table for programs.

use std::fmt::Write;

use crate::error::plain;
use crate::train::confusion::Confusion;

/// Sides of a cell and room for names, pixels.
const CELL: usize = 44;
const NAMES: usize = 96;
/// Characters of a name that are drawn.
const LONGEST: usize = 12;
/// Classes up to which counts are written into the cells.
const WRITTEN: usize = 30;

/// An SVG: a row for each class, in it how many of its examples were taken for which.
pub fn svg(confusion: &Confusion) -> String {
    let Confusion { classes, counts, .. } = confusion;
    let count = classes.len();
    let cell = if count <= WRITTEN { CELL } else { (CELL * WRITTEN / count).max(2) };
    let side = NAMES + cell * count + 12;
    let height = side + 30;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {height}\" width=\"{side}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" role=\"img\">\n<title>{}</title>\n\
         <rect width=\"{side}\" height=\"{height}\" fill=\"#fff\"/>\n",
        title(confusion)
    );
    let mut add = |line: String| {
        out.push_str(&line);
        out.push('\n');
    };
    add(format!("<text x=\"{}\" y=\"16\" text-anchor=\"middle\">taken for</text>", NAMES + cell * count / 2));
    for (class, row) in counts.iter().enumerate() {
        let (y, of) = (NAMES + class * cell, row.iter().sum::<u64>().max(1));
        for (taken_for, &examples) in row.iter().enumerate().filter(|(_, examples)| **examples > 0) {
            let x = NAMES + taken_for * cell;
            let share = examples as f64 / of as f64;
            let (fill, ink) = colours(share, class == taken_for);
            add(format!("<rect x=\"{x}\" y=\"{y}\" width=\"{cell}\" height=\"{cell}\" fill=\"{fill}\"/>"));
            if count <= WRITTEN {
                let (middle, line) = (x + cell / 2, y + cell / 2 + 5);
                let text = format!("<text x=\"{middle}\" y=\"{line}\" text-anchor=\"middle\" fill=\"{ink}\"");
                let size = if examples > 99_999 { " font-size=\"10\"" } else { "" };
                add(format!("{text}{size}>{examples}</text>"));
            }
        }
        if count <= WRITTEN {
            let (name, middle) = (drawn(&classes[class]), y + cell / 2 + 5);
            add(format!("<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>", NAMES - 8));
            let (x, y) = (NAMES + class * cell + cell / 2 + 5, NAMES - 8);
            add(format!("<text x=\"{x}\" y=\"{y}\" transform=\"rotate(-90 {x} {y})\">{name}</text>"));
        }
    }
    let frame = cell * count;
    add(format!(
        "<rect x=\"{NAMES}\" y=\"{NAMES}\" width=\"{frame}\" height=\"{frame}\" fill=\"none\" stroke=\"#888\"/>"
    ));
    add(format!("<text x=\"{NAMES}\" y=\"{}\">{}</text>", side + 16, title(confusion)));
    out + "</svg>\n"
}

/// A table: a row for each class, a column for each that its examples were taken for.
pub fn csv(confusion: &Confusion) -> String {
    let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
    let heads: Vec<String> = confusion.classes.iter().map(quoted).collect();
    let mut out = format!("class,{}\n", heads.join(","));
    for (head, row) in heads.iter().zip(&confusion.counts) {
        let counts: Vec<String> = row.iter().map(u64::to_string).collect();
        let _ = writeln!(out, "{head},{}", counts.join(","));
    }
    out
}

fn title(confusion: &Confusion) -> String {
    let share = 100.0 * confusion.accuracy();
    format!("{share:.2} % of {} examples right", confusion.examples())
}

/// Fill and ink of a cell with such a share of its class, green where it is right, red where it is not.
fn colours(share: f64, is_right: bool) -> (String, &'static str) {
    let full = if is_right { [22.0, 101.0, 52.0] } else { [153.0, 27.0, 27.0] };
    // One of a hundred is seen as well.
    let depth = share.sqrt();
    let [r, g, b] = full.map(|full| (255.0 + (full - 255.0) * depth).round() as u8);
    (format!("#{r:02x}{g:02x}{b:02x}"), if depth > 0.55 { "#fff" } else { "#111" })
}

/// As much of a name as is drawn, for XML.
fn drawn(name: &str) -> String {
    let name = plain(name);
    let short: String = if name.chars().count() > LONGEST {
        name.chars().take(LONGEST - 1).chain(['…']).collect()
    } else {
        name.to_string()
    };
    short.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(names: &[&str]) -> Confusion {
        let classes: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Confusion::of(&classes, &[0, 0, 0, 1], &[0, 0, 1, 1])
    }

    #[test]
    fn the_picture_has_every_count_and_names_that_break_no_xml() {
        let svg = svg(&confusion(&["<cat> & co, a very long name", "dog"]));
        assert!(svg.contains("&lt;cat&gt; &amp; co,…") && svg.contains(">dog<"), "{svg}");
        assert!(svg.contains("75.00 % of 4 examples right"));
        assert_eq!(svg.matches("<rect").count(), 2 + 3);
        assert_eq!((svg.matches(">2</text>").count(), svg.matches(">1</text>").count()), (1, 2));
    }

    #[test]
    fn the_table_quotes_names() {
        let table = csv(&confusion(&["a \"b\", c", "dog"]));
        assert_eq!(table, "class,\"a \"\"b\"\", c\",\"dog\"\n\"a \"\"b\"\", c\",2,1\n\"dog\",0,1\n");
    }
}

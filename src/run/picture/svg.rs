//! Features as a drawing: their picture, a pixel a pixel, which whatever shows it enlarges without smoothing, and over each of
//! them the number of its unit.

use std::io::{self, Write};

use super::{Canvas, LEGIBLE};
use crate::data::Form;

/// Writes the picture of the features of these units, of which `columns` are side by side, at zoom 1 as SVG.
///
/// # Errors
/// Those of `out`.
pub fn write(
    canvas: &Canvas,
    (units, columns): (&[usize], usize),
    form: Form,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut png = Vec::new();
    canvas.write_to(&mut png)?;
    let Canvas { width, height, .. } = *canvas;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\">",
        width * LEGIBLE,
        height * LEGIBLE
    )?;
    write!(
        out,
        "<image width=\"{width}\" height=\"{height}\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,"
    )?;
    base64(&png, out)?;
    writeln!(out, "\"/>\n<g fill-opacity=\"0\">")?;
    let Form { height, width, .. } = form;
    for (place, unit) in units.iter().enumerate() {
        let (left, top) = (place % columns * (width + 1) + 1, place / columns * (height + 1) + 1);
        writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"><title>unit {unit}</title></rect>"
        )?;
    }
    writeln!(out, "</g>\n</svg>")
}

/// Bytes as text of 64 characters (RFC 4648).
fn base64(bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes.chunks(3).try_for_each(|three| {
        let at = |i: usize| u32::from(three.get(i).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        let mut four = [b'='; 4];
        for (i, character) in four.iter_mut().take(three.len() + 1).enumerate() {
            *character = CHARACTERS[(bits >> (18 - 6 * i)) as usize & 63];
        }
        out.write_all(&four)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_encoded_as_the_standard_does() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            let mut out = Vec::new();
            base64(bytes.as_bytes(), &mut out).unwrap();
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn a_drawing_has_the_picture_and_a_title_a_unit() {
        let canvas = Canvas { width: 7, height: 4, channels: 1, pixels: vec![9; 28] };
        let mut out = Vec::new();
        write(&canvas, (&[7, 4], 2), Form { height: 2, width: 2, channels: 1 }, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
        assert!(text.contains("base64,iVBORw0KGgo") && text.contains("viewBox=\"0 0 7 4\""));
        assert!(text.contains("<rect x=\"4\" y=\"1\" width=\"2\" height=\"2\"><title>unit 4</title>"));
    }
}

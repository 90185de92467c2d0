//! Arrays whose shape can be read in two ways. Neighbours in a picture are alike: how much numbers correlate along each
//! dimension tells which of them are height and width, and is looked at on a sample.

use super::axes::{Axes, Axis};

/// Pairs of neighbours that are looked at along each dimension.
const PAIRS: usize = 20_000;
/// Above this correlation neighbours are alike, as pixels of photographs are.
const ALIKE: f64 = 0.5;
/// Below this one they are not.
const UNLIKE: f64 = 0.25;
/// The correlation in both directions that one whole picture has.
const ONE_PICTURE: f64 = 0.9;
/// Fewest rows and columns of a picture.
const SMALLEST: usize = 8;
/// Largest side of a picture that a file of a folder may be.
const LARGEST: usize = 8192;
/// Largest side of pictures that are learned from whole as often as in patches.
const SMALL: usize = 64;
/// Pictures from which on a stack of small ones is a collection.
const MANY: usize = 64;

/// Another meaning that an array of this shape may have besides the usual one, in words, with the setting that says so; `None`
/// where nothing speaks for it. `value` gives the numbers of its beginning, whose shape is `seen`, the last index fastest.
pub fn of(shape: &[usize], seen: &[usize], value: impl Fn(usize) -> f64) -> Option<String> {
    let alike: Vec<f64> = (0..seen.len()).map(|axis| correlation(seen, axis, &value)).collect();
    match (shape, &alike[..]) {
        (&[rows, cols], &[down, across]) => of_rows((rows, cols), (down, across)),
        (&[first, second, third], &[a, b, c]) => of_stack([first, second, third], [a, b, c]),
        (&[count, height, width, _], _) if is_collection(count, height, width) => {
            Some(whole(count, height, width))
        }
        _ => None,
    }
}

/// As [`of`], of a whole array whose dimensions are taken as `axes`.
pub fn of_axes(axes: &Axes, shape: &[usize], value: impl Fn(usize) -> f64) -> Option<String> {
    use Axis::{Channels, Count, Height, Width};
    let alike = || -> Vec<f64> { (0..shape.len()).map(|axis| correlation(shape, axis, &value)).collect() };
    match (axes.list(), shape) {
        ([Height, Width, Count], &[first, second, third]) => match alike()[..] {
            [a, b, c] => of_stack_of_matlab([first, second, third], [a, b, c]),
            _ => None,
        },
        ([Height, Width, Channels], &[height, width, 3]) => match alike()[..] {
            [a, b, c] if a > ALIKE && b > ALIKE && c < UNLIKE => Some(format!(
                "taken as one picture in colour of {width}×{height}, but its colours are not alike ({c:.2}); if it is 3 grey \
                 pictures, say `axes` h,w,count"
            )),
            _ => None,
        },
        ([Height, Width, Channels, Count], &[height, width, _, count]) => {
            is_collection(count, height, width).then(|| whole(count, height, width))
        }
        _ => of(shape, shape, value),
    }
}

/// As [`of`], of so many files with an array of one height and width each, which are taken as rows.
pub fn of_files(
    files: usize,
    (height, width): (usize, usize),
    seen: &[usize; 2],
    value: impl Fn(usize) -> f64,
) -> Option<String> {
    let [down, across] = [0, 1].map(|axis| correlation(seen, axis, &value));
    let like_pictures = height.min(width) >= SMALLEST && height.max(width) <= 4 * height.min(width);
    let surely_rows = across > down + UNLIKE;
    (files > 1 && like_pictures && !surely_rows && height.max(width) <= LARGEST).then(|| {
        format!(
            "taken as {} rows of {width} numbers from {files} files of one shape; if each is a picture of {width}×{height}, say \
             `as` pictures",
            files.saturating_mul(height)
        )
    })
}

/// Rows `[count, length]`.
fn of_rows((rows, cols): (usize, usize), (down, across): (f64, f64)) -> Option<String> {
    let taken = format!("taken as {rows} rows of {cols} numbers");
    if down > ONE_PICTURE && across > ONE_PICTURE && rows.min(cols) >= SMALLEST {
        let fact = format!(
            "numbers below each other are as alike ({down:.2}) as those beside each other ({across:.2})"
        );
        return Some(format!("{taken}, but {fact}, as in one picture; if it is one, say `as` pictures"));
    }
    let is_surely_rows = across > down + UNLIKE;
    if rows >= cols || rows < 4 || is_surely_rows {
        return None;
    }
    let evidence = if down > ALIKE && across < UNLIKE {
        format!(
            ", and numbers below each other are alike ({down:.2}), those beside each other are not ({across:.2})"
        )
    } else {
        String::new()
    };
    Some(format!(
        "{taken}, which are fewer rows than columns{evidence}; if the examples stand in columns, {cols} of {rows} numbers, \
         say `axes` length,count"
    ))
}

/// Pictures `[count, height, width]`.
fn of_stack(shape @ [first, second, third]: [usize; 3], alike @ [a, b, c]: [f64; 3]) -> Option<String> {
    let taken = format!("taken as {first} grey pictures of {third}×{second}");
    let surely = b > ALIKE && c > ALIKE && a < UNLIKE;
    let seen =
        || format!("neighbours correlate by {a:.2}, {b:.2} and {c:.2} along the three dimensions {shape:?}");
    if a > ALIKE && b > ALIKE && c < UNLIKE {
        let reading = format!("which is {third} pictures of {second}×{first}");
        return Some(format!(
            "{taken}, but {}: the first two look like height and width, {reading}; say `axes` h,w,count",
            seen()
        ));
    }
    if a > ALIKE && c > ALIKE && b < UNLIKE {
        return Some(format!(
            "{taken}, but {}: the first and last look like height and width; say `axes` h,count,w",
            seen()
        ));
    }
    if surely {
        return is_collection(first, second, third).then(|| whole(first, second, third));
    }
    let large = |one: usize, other: usize| one.min(other) >= SMALLEST;
    if matches!(third, 1 | 3) && large(first, second) {
        let colour = if third == 3 { "in colour" } else { "in grey" };
        return Some(format!("{taken}; if it is one picture {colour} of {second}×{first}, say `axes` h,w,c"));
    }
    if third == 4 && large(first, second) {
        return Some(format!(
            "{taken}; if it is one picture with transparency, save a[..., :3] and say `axes` h,w,c"
        ));
    }
    if first == 3 && large(second, third) {
        return Some(format!(
            "{taken}; if it is one picture in colour, its channels first, say `axes` c,h,w"
        ));
    }
    if first == second && third.saturating_mul(4) <= first {
        return Some(format!(
            "{taken}; if the last dimension counts, it is {third} pictures of {second}×{first}: say `axes` h,w,count"
        ));
    }
    if alike[2] < UNLIKE && first.min(second).min(third) > 1 {
        let rows = format!("for {first} rows of {} numbers say `as` rows", second.saturating_mul(third));
        let sequences = format!(
            "for {} rows of {third}, as sequences have them, `axes` count,count,length",
            first.saturating_mul(second)
        );
        return Some(format!(
            "{taken}, but numbers beside each other are not alike ({c:.2}), as pixels are; {rows}, {sequences}"
        ));
    }
    is_collection(first, second, third).then(|| whole(first, second, third))
}

/// Pictures `[height, width, count]`.
fn of_stack_of_matlab(shape @ [first, second, third]: [usize; 3], [a, b, c]: [f64; 3]) -> Option<String> {
    let taken = format!("taken as {third} grey pictures of {second}×{first}, as MATLAB keeps them");
    let seen =
        || format!("neighbours correlate by {a:.2}, {b:.2} and {c:.2} along the three dimensions {shape:?}");
    let first_counts = format!("it is {first} pictures of {third}×{second}, as Python keeps them");
    if b > ALIKE && c > ALIKE && a < UNLIKE {
        return Some(format!(
            "{taken}, but {}: the last two look like height and width, by which {first_counts}; say `axes` count,h,w",
            seen()
        ));
    }
    if a > ALIKE && c > ALIKE && b < UNLIKE {
        return Some(format!(
            "{taken}, but {}: the first and last look like height and width; say `axes` h,count,w",
            seen()
        ));
    }
    let is_surely = a > ALIKE && b > ALIKE && c < UNLIKE;
    let looks_turned = second == third && first != second;
    if !is_surely && (looks_turned || is_collection(first, second, third)) {
        return Some(format!("{taken}; if the first dimension counts, {first_counts}: say `axes` count,h,w"));
    }
    is_collection(third, first, second).then(|| whole(third, first, second))
}

/// Many small pictures, as MNIST has them.
fn is_collection(count: usize, height: usize, width: usize) -> bool {
    count > MANY && (SMALLEST..=SMALL).contains(&height) && (SMALLEST..=SMALL).contains(&width)
}

fn whole(count: usize, height: usize, width: usize) -> String {
    format!(
        "taken as {count} pictures of {width}×{height}, of which patches are cut; to learn from each as a whole, say `as` rows"
    )
}

/// The correlation of numbers that are neighbours along `axis`; 0 where there are none, or no spread.
fn correlation(shape: &[usize], axis: usize, value: &impl Fn(usize) -> f64) -> f64 {
    let stride: usize = shape[axis + 1..].iter().product();
    let total: usize = shape.iter().product();
    let (length, mut sums, mut count) = (shape[axis], [0.0; 5], 0.0);
    if length < 2 {
        return 0.0;
    }
    let tries = total.min(2 * PAIRS);
    for number in 0..tries {
        // All of a small array, else places that are spread over it without a period.
        let place = if tries == total { number } else { spread(number) % total };
        if place / stride % length == length - 1 {
            continue;
        }
        let (x, y) = (value(place), value(place + stride));
        sums = [sums[0] + x, sums[1] + y, sums[2] + x * x, sums[3] + y * y, sums[4] + x * y];
        count += 1.0;
    }
    let [x, y, xx, yy, xy] = sums.map(|sum| sum / count);
    let variance = (xx - x * x) * (yy - y * y);
    let correlation = (xy - x * y) / variance.sqrt();
    if correlation.is_finite() { correlation } else { 0.0 }
}

/// A large number that looks like any other, by the golden ratio.
fn spread(number: usize) -> usize {
    ((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that change slowly along the axes that `slow` names and without a rule along the others.
    fn field(shape: &[usize], slow: &[bool]) -> Vec<f64> {
        let total: usize = shape.iter().product();
        let value = |mut place: usize| {
            let (mut smooth, mut key) = (0.0, 1_usize);
            for (length, slow) in shape.iter().zip(slow).rev() {
                let i = place % length;
                place /= length;
                if *slow { smooth += (i as f64 / 9.0).sin() } else { key = key * 31 + i }
            }
            let mixed = (key as u64).wrapping_pow(2).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            smooth + mixed as f64 / f64::from(1 << 21) - 4.0
        };
        (0..total).map(value).collect()
    }

    fn ambiguity(shape: &[usize], slow: &[bool]) -> Option<String> {
        let values = field(shape, slow);
        of(shape, shape, |i| values[i])
    }

    #[test]
    fn the_last_dimension_counts_where_only_the_first_two_are_smooth() {
        let said = ambiguity(&[64, 64, 10], &[true, true, false]).unwrap();
        assert!(said.contains("`axes` h,w,count") && said.contains("10 pictures of 64×64"), "{said}");
        // Without a rule in the numbers the shape alone decides.
        assert!(ambiguity(&[64, 64, 10], &[false; 3]).unwrap().contains("`axes` h,w,count"));
        assert_eq!(ambiguity(&[10, 64, 70], &[false, true, true]), None);
    }

    #[test]
    fn the_first_dimension_of_an_array_of_matlab_counts_where_only_the_last_two_are_smooth() {
        let said = |shape: &[usize], slow: &[bool]| {
            let values = field(shape, slow);
            of_axes(&Axes::usual_in_matlab(shape, None).unwrap(), shape, |i| values[i])
        };
        assert_eq!(said(&[64, 60, 10], &[true, true, false]), None);
        let turned = said(&[10, 64, 60], &[false, true, true]).unwrap();
        assert!(turned.contains("`axes` count,h,w") && turned.contains("10 pictures of 60×64"), "{turned}");
        assert!(said(&[10, 64, 64], &[false; 3]).unwrap().contains("`axes` count,h,w"));
        assert!(said(&[200, 28, 24], &[false; 3]).unwrap().contains("`axes` count,h,w"));
        assert!(said(&[28, 28, 200], &[true, true, false]).unwrap().contains("`as` rows"));
        // Three pictures that have nothing in common.
        let grey = |place: usize| {
            let [y, x, c] = [place / 150, place / 3 % 50, place % 3].map(|i| i as f64);
            (y / 9.0 + 2.1 * c).sin() + (x / 9.0 + 2.1 * c).sin()
        };
        let axes = Axes::usual_in_matlab(&[40, 50, 3], None).unwrap();
        assert!(of_axes(&axes, &[40, 50, 3], grey).unwrap().contains("`axes` h,w,count"));
        assert_eq!(said(&[40, 50, 3], &[true, true, true]), None);
        assert!(said(&[64, 2000], &[true, false]).unwrap().contains("`axes` length,count"));
    }

    #[test]
    fn columns_are_doubted_where_there_are_more_of_them_and_they_do_not_look_like_pixels() {
        assert!(
            ambiguity(&[64, 2000], &[false; 2])
                .unwrap()
                .contains("2000 of 64 numbers, say `axes` length,count")
        );
        assert!(ambiguity(&[64, 2000], &[true, false]).unwrap().contains("below each other are alike"));
        assert_eq!(ambiguity(&[64, 2000], &[false, true]), None);
        assert_eq!(ambiguity(&[2000, 64], &[false; 2]), None);
        assert!(ambiguity(&[200, 100], &[true, true]).unwrap().contains("`as` pictures"));
    }

    #[test]
    fn one_picture_in_colour_collections_and_sequences_are_named() {
        assert!(ambiguity(&[64, 48, 3], &[false; 3]).unwrap().contains("48×64, say `axes` h,w,c"));
        assert!(ambiguity(&[3, 64, 48], &[false; 3]).unwrap().contains("`axes` c,h,w"));
        assert!(ambiguity(&[200, 28, 28], &[false, true, true]).unwrap().contains("`as` rows"));
        assert!(ambiguity(&[200, 32, 32, 3], &[false, true, true, true]).unwrap().contains("`as` rows"));
        let said = ambiguity(&[20, 30, 50], &[false; 3]).unwrap();
        assert!(said.contains("`axes` count,count,length") && said.contains("600 rows of 50"), "{said}");
    }
}

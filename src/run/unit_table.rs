//! The table of hidden units as text: a line of names, then a unit a line. Numbers are as short as they can be read back; what there
//! is not is empty.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::train::units::{Excitation, UnitRecord};

/// Writes units, each with `top` examples, parted by `delimiter`.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, delimiter: u8, units: &[UnitRecord], top: usize) -> io::Result<()> {
    let parted = char::from(delimiter).to_string();
    let names = "unit rho_hat density mean_active max norm dead saturated collapsed compared duplicate_of";
    let mut cells: Vec<String> = names.split(' ').map(str::to_owned).collect();
    for name in ["top", "activation"] {
        cells.extend((1..=top).map(|place| format!("{name}_{place}")));
    }
    writeln!(out, "{}", cells.join(&parted))?;
    let mut line = String::new();
    for unit in units {
        let UnitRecord { rho_hat, density, max, norm, dead, saturated, collapsed, compared, .. } = unit;
        line.clear();
        // Writing to a text does not fail.
        let _ = write!(line, "{}{parted}{rho_hat:?}{parted}{density:?}{parted}", unit.unit);
        let _ = write!(line, "{}{parted}{max:?}{parted}{norm:?}", shown(unit.mean_active));
        let _ = write!(line, "{parted}{dead}{parted}{saturated}{parted}{collapsed}{parted}{compared}");
        let _ = write!(line, "{parted}{}", shown(unit.duplicate_of));
        let of_top = |place: usize| unit.top.get(place);
        for place in 0..top {
            let _ = write!(line, "{parted}{}", shown(of_top(place).map(|it: &Excitation| it.example)));
        }
        for place in 0..top {
            let _ = write!(line, "{parted}{}", shown(of_top(place).map(|it: &Excitation| it.activation)));
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// A number, or nothing.
fn shown<T: std::fmt::Debug>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| format!("{value:?}"))
}

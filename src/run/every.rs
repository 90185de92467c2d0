//! How often something is done: a time or a number of steps.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time as flags and files take it: `10m`, `0.5s`, `2h`, at least a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

/// Units, the largest first.
const UNITS: [(&str, f64); 3] = [("h", 3600.0), ("m", 60.0), ("s", 1.0)];

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "a time like 10m, 0.5s or 2h is needed";
        let unit = UNITS.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
        let (number, seconds) = unit.ok_or(wanted)?;
        let seconds = number.parse::<f64>().map_err(|_| wanted)? * seconds;
        let span = Duration::try_from_secs_f64(seconds).map_err(|_| wanted)?;
        if span < Duration::from_millis(1) {
            Err("at least 0.001s is needed".to_owned())
        } else {
            Ok(Self(span))
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let whole = |unit: f64| seconds >= unit && (seconds / unit).fract() == 0.0;
        let (name, unit) = UNITS.into_iter().find(|(_, unit)| whole(*unit)).unwrap_or(UNITS[2]);
        write!(f, "{}{name}", seconds / unit)
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

/// A time or a number of steps, as flags and files take it: `10m` or `500`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "toml::Value", into = "toml::Value")]
pub enum Every {
    /// This often, as soon as the step at hand is done.
    Time(Span),
    /// After so many steps, at least one.
    Steps(usize),
}

impl Default for Every {
    /// Ten minutes.
    fn default() -> Self {
        Self::Time(Span(Duration::from_secs(600)))
    }
}

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(0) => Err("at least one step is needed".to_owned()),
            Ok(steps) => Ok(Self::Steps(steps)),
            Err(_) => text.parse().map(Self::Time).map_err(|error| error + ", or a number of steps"),
        }
    }
}

impl TryFrom<toml::Value> for Every {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(text) => text.parse(),
            other => other.to_string().parse(),
        }
    }
}

impl From<Every> for toml::Value {
    fn from(every: Every) -> Self {
        match every {
            Every::Time(span) => Self::String(span.to_string()),
            Every::Steps(steps) => Self::Integer(steps.try_into().unwrap_or(i64::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_of_steps_are_told_apart_and_come_back_as_they_were() {
        for (text, seconds) in [("10m", 600.0), ("0.5s", 0.5), ("2h", 7200.0), ("90s", 90.0), ("1.5m", 90.0)]
        {
            let Every::Time(span) = text.parse().unwrap() else { panic!("{text}") };
            assert_eq!(span.0.as_secs_f64(), seconds, "{text}");
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span, "{text}");
        }
        assert_eq!(Every::default(), "10m".parse().unwrap());
        assert_eq!(Span(Duration::from_secs(600)).to_string(), "10m");
        assert_eq!("500".parse::<Every>().unwrap(), Every::Steps(500));
        for bad in ["", "0", "m", "-1s", "10", "10 minutes", "nans", "infh", "1e300h", "0s", "1d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
        }
        for bad in ["0", "-3", "1.5", "x"] {
            assert!(bad.parse::<Every>().is_err(), "{bad:?}");
        }
    }
}

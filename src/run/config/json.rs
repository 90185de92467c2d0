//! Settings in JSON, as launchers of sweeps write them: one object, with the names and the checks of TOML.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::{Table, Value};

/// The settings of a text in JSON, which no TOML begins like; `None` for any other text. `null` is what is not set.
///
/// # Errors
/// The line, and what is wrong there.
pub(super) fn of(text: &str) -> Option<Result<Table, String>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let settings: serde_json::Result<Settings> = serde_json::from_str(text);
    Some(settings.map(|settings| settings.0).map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        format!("line {}: {}", error.line().max(1), error.to_string().replace(&place, ""))
    }))
}

/// An object without two members of one name.
struct Settings(Table);

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        object.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Settings;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object of settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Settings, A::Error> {
        let mut table = Table::new();
        while let Some(name) = members.next_key::<String>()? {
            if table.contains_key(&name) {
                return Err(A::Error::custom(format!("duplicate key `{name}`")));
            }
            if let Some(value) = members.next_value::<Option<Value>>()? {
                table.insert(name, value);
            }
        }
        Ok(Settings(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Table, String> {
        of(text).expect("it is JSON")
    }

    #[test]
    fn an_object_holds_what_toml_would() {
        let json = r#" { "hidden": 7, "beta": 2.5, "batch": "full", "whiten": true, "lr": null } "#;
        let toml = "hidden = 7\nbeta = 2.5\nbatch = \"full\"\nwhiten = true".parse().unwrap();
        assert_eq!(read(json), Ok(toml));
        assert_eq!(read("{}"), Ok(Table::new()));
        assert_eq!(read("\u{feff}{\"seed\": 3}").unwrap()["seed"].as_integer(), Some(3));
    }

    #[test]
    fn toml_is_left_to_its_own_reader() {
        for text in ["", "hidden = 7", "[derived]", "# {", "\"hidden\" = 7"] {
            assert!(of(text).is_none(), "{text}");
        }
    }

    #[test]
    fn errors_name_the_line_and_the_fact() {
        for (text, words) in [
            ("{\n\"hidden\": 7,\n\"beta\" 2}", "line 3: expected `:`"),
            ("{\n\"hidden\": 7,\n\"hidden\": 8}", "line 3: duplicate key `hidden`"),
            ("{\"hidden\": 7", "line 1: EOF while parsing an object"),
            ("{\"hidden\": 7}\n{", "line 2: trailing characters"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(words) && !error.contains(" column "), "{error}");
        }
    }
}

//! Conditions on named values of JSON, as a person writes them: `beta=3`, `explained_variance>0.5`, `validation.j<=12`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

/// The members of an object, those of objects in it as `object.member`; lists stay what they are.
pub fn flattened(value: Value) -> Map<String, Value> {
    let mut members = Map::new();
    flatten("", value, &mut members);
    members
}

/// Members of objects under names with dots; lists stay what they are.
fn flatten(name: &str, value: Value, into: &mut Map<String, Value>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let name = if name.is_empty() { member } else { format!("{name}.{member}") };
                flatten(&name, value, into);
            }
        }
        value => drop(into.insert(name.to_owned(), value)),
    }
}

/// Numbers by size, anything else by its text.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => text(a).cmp(&text(b)),
    }
}

/// A value as it is written without quotes.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A condition on a setting or a result: `beta=3`, `explained_variance>0.5`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    name: String,
    relation: &'static str,
    value: String,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.relation, self.value)
    }
}

/// Relations, the longer before those that they begin with.
const RELATIONS: [&str; 6] = ["!=", "<=", ">=", "=", "<", ">"];

impl FromStr for Condition {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let at = |relation: &&'static str| given.find(*relation).map(|at| (at, *relation));
        let first = RELATIONS.iter().filter_map(at).min_by_key(|(at, relation)| (*at, 2 - relation.len()));
        let (at, relation) = first.filter(|(at, _)| *at > 0).ok_or_else(|| {
            format!("{given:?} is no condition; give a name, a relation and a value, as beta=3 or explained_variance>0.5")
        })?;
        let (name, value) =
            (given[..at].trim().replace('-', "_"), given[at + relation.len()..].trim().to_owned());
        Ok(Self { name, relation, value })
    }
}

impl Condition {
    /// The name that it is about.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a value is so; none is not.
    pub fn holds(&self, found: Option<&Value>) -> bool {
        let Some(found) = found else { return false };
        let wanted = self.value.parse::<f64>().map_or_else(|_| json!(self.value), |number| json!(number));
        let order = match found {
            // `whiten=true` and `normalize=unit` are no numbers.
            Value::Number(_) if wanted.is_number() => compare(found, &wanted),
            _ => text(found).cmp(&self.value),
        };
        match self.relation {
            "=" => order.is_eq(),
            "!=" => order.is_ne(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_numbers_as_numbers_and_words_as_words() {
        let values = flattened(
            json!({"beta": 3.0, "normalize": "unit", "whiten": true, "j": 12, "validation": {"j": 9.5}}),
        );
        let holds = |text: &str| {
            let condition: Condition = text.parse().unwrap();
            condition.holds(values.get(condition.name()))
        };
        for text in [
            "beta=3",
            "beta>=3.0",
            "beta < 10",
            "j>9",
            "validation.j=9.5",
            "normalize=unit",
            "normalize!=none",
            "whiten=true",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in
            ["beta!=3", "j<9", "normalize=minmax", "nothing=1", "nothing!=1", "whiten=false", "validation=1"]
        {
            assert!(!holds(text), "{text}");
        }
        for text in ["beta", "=3", "", ">"] {
            assert!(text.parse::<Condition>().unwrap_err().contains("no condition"), "{text}");
        }
        let condition: Condition = " validation.j <= 12".parse().unwrap();
        assert_eq!(condition.to_string(), "validation.j<=12");
    }
}

//! A checker of JSON Schema (draft 2020-12) as far as `docs/schemas` uses it. A keyword that it does not know fails.

use serde_json::Value;

/// What is wrong with `value` by `schema`, each with its place; `load` finds the schema of a `$ref`.
pub fn faults(value: &Value, schema: &Value, load: &dyn Fn(&str) -> Value) -> Vec<String> {
    let mut found = Vec::new();
    check(value, schema, "$", load, &mut found);
    found
}

fn check(value: &Value, schema: &Value, place: &str, load: &dyn Fn(&str) -> Value, found: &mut Vec<String>) {
    let keywords = schema.as_object().expect("a schema is an object");
    for (keyword, rule) in keywords {
        match keyword.as_str() {
            "$schema" | "title" | "description" => {}
            "$ref" => check(value, &load(rule.as_str().expect("a file")), place, load, found),
            "type" => {
                let kinds = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !kinds.iter().any(|kind| is_a(value, kind.as_str().expect("a type"))) {
                    found.push(format!("{place}: {value} is not {rule}"));
                }
            }
            "enum" => {
                if !rule.as_array().expect("a list").contains(value) {
                    found.push(format!("{place}: {value} is none of {rule}"));
                }
            }
            "required" => {
                for name in rule.as_array().expect("a list").iter().filter_map(Value::as_str) {
                    if value.as_object().is_some_and(|members| !members.contains_key(name)) {
                        found.push(format!("{place}.{name}: missing"));
                    }
                }
            }
            "properties" => {
                for (name, inner) in rule.as_object().expect("an object") {
                    if let Some(value) = value.get(name) {
                        check(value, inner, &format!("{place}.{name}"), load, found);
                    }
                }
            }
            "additionalProperties" => {
                for (name, inner) in value.as_object().into_iter().flatten() {
                    let is_named = schema["properties"].get(name).is_some();
                    match rule {
                        _ if is_named => {}
                        Value::Bool(true) => {}
                        Value::Bool(false) => found.push(format!("{place}.{name}: not in the schema")),
                        rule => check(inner, rule, &format!("{place}.{name}"), load, found),
                    }
                }
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(item, rule, &format!("{place}[{i}]"), load, found);
                }
            }
            other => panic!("{place}: the checker knows no keyword {other}"),
        }
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64() || value.as_f64().is_some_and(|x| x.fract() == 0.0),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type is called {other}"),
    }
}

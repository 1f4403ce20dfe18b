//! As much of JSON Schema (2020-12) as the API's description uses.

use serde_json::Value;

/// Panics unless `value` is what `schema` says; references lead into `document`. `at` is the place
/// for the message.
pub(super) fn assert_valid(value: &Value, schema: &Value, document: &Value, at: &str) {
    if let Err(fault) = check(value, schema, document, at) {
        panic!("{fault}\n{value:#}");
    }
}

fn check(value: &Value, schema: &Value, document: &Value, at: &str) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').expect("a reference into the document");
        let target = document.pointer(pointer).unwrap_or_else(|| panic!("no {reference}"));
        check(value, target, document, at)?;
    }
    for (key, condition) in schema.as_object().into_iter().flatten() {
        match key.as_str() {
            "type" => {
                let is_one = |name: &Value| is_of_type(value, name.as_str().unwrap_or_default());
                let fits = match condition {
                    Value::Array(names) => names.iter().any(is_one),
                    name => is_one(name),
                };
                ensure(fits, || format!("{at} is not of type {condition}"))?;
            }
            "required" => {
                for field in condition.as_array().into_iter().flatten() {
                    let field = field.as_str().unwrap_or_default();
                    ensure(value.get(field).is_some(), || format!("{at} lacks {field}"))?;
                }
            }
            "properties" => {
                for (field, schema) in condition.as_object().into_iter().flatten() {
                    if let Some(value) = value.get(field) {
                        check(value, schema, document, &format!("{at}.{field}"))?;
                    }
                }
            }
            "items" => {
                for (number, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(value, condition, document, &format!("{at}[{number}]"))?;
                }
            }
            "enum" => {
                let known = condition.as_array().is_some_and(|known| known.contains(value));
                ensure(known, || format!("{at} is none of {condition}"))?;
            }
            "oneOf" => {
                let fits = |schema: &&Value| check(value, schema, document, at).is_ok();
                let fitting = condition.as_array().into_iter().flatten().filter(fits).count();
                ensure(fitting == 1, || format!("{at} fits {fitting} of {condition}"))?;
            }
            "minimum" => {
                let enough = value.as_f64().is_none_or(|number| {
                    condition.as_f64().is_none_or(|minimum| number >= minimum)
                });
                ensure(enough, || format!("{at} is below {condition}"))?;
            }
            "$ref" | "description" | "format" | "default" | "additionalProperties" => {}
            other => panic!("the schema at {at} has `{other}`, which nobody checks"),
        }
    }
    Ok(())
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("no type {other}"),
    }
}

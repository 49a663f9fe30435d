//! What a template's intrinsic functions come to, for given parameters.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The values of parameters, of conditions and of pseudo parameters.
#[derive(Debug, Clone)]
pub struct Values {
    texts: BTreeMap<String, String>,
    conditions: BTreeMap<String, bool>,
}

impl Values {
    /// Those of a deployment in the world's account and region, with `parameters`; `conditions` are those that hold.
    pub fn new(parameters: &[(&str, &str)], conditions: &[&str]) -> Self {
        let pseudo = [
            ("AWS::Partition", "aws"),
            ("AWS::Region", base::aws::REGION),
            ("AWS::AccountId", base::aws::ACCOUNT),
            ("AWS::URLSuffix", "amazonaws.com"),
        ];
        let texts = pseudo.iter().chain(parameters);
        Self {
            texts: texts
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            conditions: conditions.iter().map(|name| ((*name).to_owned(), true)).collect(),
        }
    }

    /// `value` without intrinsic functions. An attribute of a resource comes to `<resource>.<attribute>`, a reference to a resource to its
    /// name in the template.
    pub fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Array(values) => values
                .iter()
                .map(|value| self.resolve(value))
                .filter(|value| !value.is_null())
                .collect(),
            Value::Object(fields) => self.intrinsic(fields).unwrap_or_else(|| {
                fields
                    .iter()
                    .map(|(key, value)| (key.clone(), self.resolve(value)))
                    .collect::<Map<_, _>>()
                    .into()
            }),
            value => value.clone(),
        }
    }

    fn intrinsic(&self, fields: &Map<String, Value>) -> Option<Value> {
        let (name, value) = fields.iter().next().filter(|_| fields.len() == 1)?;
        match (name.as_str(), value) {
            ("Ref", Value::String(name)) if name == "AWS::NoValue" => Some(Value::Null),
            ("Ref", Value::String(name)) => Some(json!(self.texts.get(name).unwrap_or(name))),
            ("Fn::Sub", Value::String(text)) => Some(json!(self.substituted(text))),
            ("Fn::GetAtt", Value::Array(parts)) => {
                let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
                Some(json!(parts.join(".")))
            }
            ("Fn::If", Value::Array(parts)) => {
                let holds = self.conditions.get(parts[0].as_str()?).copied().unwrap_or(false);
                Some(self.resolve(&parts[if holds { 1 } else { 2 }]))
            }
            _ => None,
        }
    }

    fn substituted(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.texts {
            text = text.replace(&format!("${{{name}}}"), value);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_substitutions_and_conditions_come_to_plain_values() {
        let values = Values::new(&[("Name", "blue")], &["IsOn"]);
        let value = json!([
            {"Ref": "Name"},
            {"Fn::Sub": "a/${Name}/${AWS::Partition}"},
            {"Fn::If": ["IsOn", {"k": {"Ref": "Name"}}, {"Ref": "AWS::NoValue"}]},
            {"Fn::If": ["IsOff", "never", {"Ref": "AWS::NoValue"}]},
            {"Fn::GetAtt": ["Queue", "Arn"]},
        ]);
        assert_eq!(
            values.resolve(&value),
            json!(["blue", "a/blue/aws", {"k": "blue"}, "Queue.Arn"])
        );
    }
}

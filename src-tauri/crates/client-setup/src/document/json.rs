//! JSON, JSON with comments and JSON5.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::{Format, Node, NodeKind, TextError};
use crate::value::Value;

/// Parses the text; `None` if it has no value.
pub(super) fn parse(format: Format, text: &str) -> Result<Option<Node>, TextError> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options(format))
        .map_err(|error| TextError::at(text, error.range().start, error.kind().to_string()))?;
    parsed.value.map(|value| node(text, &value, value.range().start)).transpose()
}

fn options(format: Format) -> ParseOptions {
    let (comments, json5) = (format != Format::Json, format == Format::Json5);
    ParseOptions {
        allow_comments: comments,
        allow_trailing_commas: comments,
        allow_missing_commas: false,
        allow_loose_object_property_names: json5,
        allow_single_quoted_strings: json5,
        allow_hexadecimal_numbers: json5,
        allow_unary_plus_numbers: json5,
        allow_bare_decimal_point_numbers: json5,
        allow_non_finite_numbers: json5,
        allow_extended_string_escapes: json5,
    }
}

fn node(text: &str, value: &ast::Value<'_>, entry: usize) -> Result<Node, TextError> {
    let range = value.range();
    let kind = match value {
        ast::Value::StringLit(literal) => NodeKind::Scalar(Value::String(literal.value.to_string())),
        ast::Value::NumberLit(literal) => NodeKind::Scalar(Value::Number(literal.value.to_owned())),
        ast::Value::BooleanLit(literal) => NodeKind::Scalar(Value::Bool(literal.value)),
        ast::Value::NullKeyword(_) => NodeKind::Scalar(Value::Null),
        ast::Value::Array(array) => NodeKind::Array {
            items: array
                .elements
                .iter()
                .map(|item| node(text, item, item.range().start))
                .collect::<Result<_, _>>()?,
            flow: true,
        },
        ast::Value::Object(object) => NodeKind::Object { members: members(text, object)?, flow: true },
    };
    Ok(Node { span: range.start..range.end, entry, kind })
}

fn members(text: &str, object: &ast::Object<'_>) -> Result<Vec<(String, Node)>, TextError> {
    let mut names = std::collections::HashSet::new();
    let mut members = Vec::with_capacity(object.properties.len());
    for property in &object.properties {
        let start = property.range.start;
        let name = property.name.as_str().to_owned();
        if !names.insert(name.clone()) {
            return Err(TextError::at(text, start, format!("the key `{name}` stands here a second time")));
        }
        members.push((name, node(text, &property.value, start)?));
    }
    Ok(members)
}

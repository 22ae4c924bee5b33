//! Parameters that several dialects share: model name, limits, stop sequences, sampling.

use serde::Deserialize;

use super::InvalidRequest;
use super::json_fields::JsonFields;
use protocol::{Sampling, is_model_name};

/// Maximum number of messages, which bounds memory and exceeds any real conversation.
pub(super) const MAX_MESSAGES: usize = 20_000;
const MAX_STOP_SEQUENCES: usize = 16;
/// Maximum value of `n`, more than any client requests.
const MAX_CHOICES: u64 = 128;

/// Reads the model's name, without characters that could break a header or a log line.
pub(super) fn model(fields: &mut JsonFields<'_>) -> Result<String, InvalidRequest> {
    let model: String = fields.required("model")?;
    if is_model_name(&model) {
        Ok(model)
    } else {
        Err(InvalidRequest::new("model".to_owned(), "'model' must be 1 to 200 printable characters"))
    }
}

pub(super) fn max_tokens(fields: &mut JsonFields<'_>, name: &str) -> Result<Option<u64>, InvalidRequest> {
    match fields.optional::<u64>(name)? {
        Some(0) => Err(InvalidRequest::new(name.to_owned(), format!("'{name}' must be at least 1"))),
        other => Ok(other),
    }
}

/// Returns whether more than one choice is requested.
pub(super) fn wants_several_choices(fields: &mut JsonFields<'_>) -> Result<bool, InvalidRequest> {
    match fields.optional::<u64>("n")? {
        Some(n) if n == 0 || n > MAX_CHOICES => {
            Err(InvalidRequest::new("n".to_owned(), format!("'n' must be 1 to {MAX_CHOICES}")))
        }
        n => Ok(n.is_some_and(|n| n > 1)),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StopField {
    One(String),
    Many(Vec<String>),
}

pub(super) fn stop(fields: &mut JsonFields<'_>, name: &str) -> Result<Vec<String>, InvalidRequest> {
    let stop = match fields.optional(name)? {
        None => Vec::new(),
        Some(StopField::One(text)) => vec![text],
        Some(StopField::Many(texts)) => texts,
    };
    check_stop(stop, name)
}

/// Validates stop sequences.
pub(super) fn check_stop(mut stop: Vec<String>, name: &str) -> Result<Vec<String>, InvalidRequest> {
    stop.retain(|text| !text.is_empty());
    let fits = stop.len() <= MAX_STOP_SEQUENCES && stop.iter().all(|text| text.len() <= 1_000);
    if fits {
        Ok(stop)
    } else {
        Err(InvalidRequest::new(name.to_owned(), format!("'{name}' takes at most 16 texts of 1,000 bytes")))
    }
}

/// Names of the sent fields that only the official API supports.
pub(super) type ApiOnlyParams = Vec<&'static str>;

/// Reads the sampling parameters.
pub(super) fn sampling(
    fields: &mut JsonFields<'_>,
    api_only_params: &mut ApiOnlyParams,
) -> Result<Sampling, InvalidRequest> {
    let mut number = |name: &'static str| -> Result<Option<f64>, InvalidRequest> {
        let value = fields.optional::<f64>(name)?;
        api_only_params.extend(value.map(|_| name));
        Ok(value)
    };
    let mut sampling = Sampling {
        temperature: number("temperature")?,
        top_p: number("top_p")?,
        // Some clients write -1 for "all".
        top_k: number("top_k")?.filter(|k| *k >= 1.0).map(|k| k as u64),
        presence_penalty: number("presence_penalty")?,
        frequency_penalty: number("frequency_penalty")?,
        seed: None,
    };
    sampling.seed = fields.optional::<i64>("seed")?;
    api_only_params.extend(sampling.seed.map(|_| "seed"));
    Ok(sampling)
}

//! Peak memory of one large request: 20 MB of JSON with four images, by each upstream path.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Outcome;
use crate::machine;
use crate::mock::Mock;
use crate::program::{Program, Target};
use crate::tokens::ReplySpec;
use crate::unary::ask;
use crate::wire::Wire;

const IMAGE_COUNT: u8 = 4;
/// Size of an image, bytes. Base64 adds a third: 20 MB for all four.
const IMAGE_BYTES: usize = 3_932_000;
/// Wait for the first token count and the log, which belong to no request.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// Memory peak of a request by one upstream path.
#[derive(Debug)]
pub(crate) struct MemoryPeak {
    pub(crate) way: &'static str,
    /// Size of the request, bytes.
    pub(crate) body: usize,
    /// Peak memory beyond the memory before the request, bytes.
    pub(crate) grown: u64,
}

impl MemoryPeak {
    #[expect(clippy::cast_precision_loss, reason = "bytes of a request are far below 2^52")]
    pub(crate) fn times(&self) -> f64 {
        self.grown as f64 / self.body as f64
    }
}

pub(crate) async fn measure(mock: &Mock) -> Outcome<Vec<MemoryPeak>> {
    let (openai, anthropic) = (openai_body(), anthropic_body());
    let chat = ("/v1/chat/completions", openai.as_str());
    let messages = ("/v1/messages", anthropic.as_str());
    Ok(vec![
        measure_peak(Program::start_keyed(mock.address).await?, "relayed to the official API", chat).await?,
        measure_peak(Program::start_keyed(mock.address).await?, "translated for the official API", messages)
            .await?,
        measure_peak(Program::start(mock.address).await?, "over a web session, pictures uploaded", chat)
            .await?,
    ])
}

async fn measure_peak(
    program: Program,
    way: &'static str,
    (path, body): (&str, &str),
) -> Outcome<MemoryPeak> {
    let Target { address, .. } = program.target;
    ask(&mut Wire::connect(address).await?, &program.target.request(ReplySpec::WHOLE)).await?;
    tokio::time::sleep(SETTLE_TIME).await;
    let request = program.target.own(path, body);
    machine::forget_peak(program.pid)?;
    let before = machine::resident(program.pid)?;
    ask(&mut Wire::connect(address).await?, &request).await?;
    let grown = machine::peak(program.pid)?.saturating_sub(before) * 1_024;
    program.stop().await?;
    Ok(MemoryPeak { way, body: body.len(), grown })
}

/// Images that differ, because a second equal one would not be uploaded.
fn images() -> impl Iterator<Item = String> {
    (0..IMAGE_COUNT).map(|number| {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        bytes.resize(IMAGE_BYTES, number);
        STANDARD.encode(bytes)
    })
}

fn openai_body() -> String {
    let part =
        |data| format!(r#",{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}"#);
    request_body(&images().map(part).collect::<String>())
}

fn anthropic_body() -> String {
    let part = |data| {
        format!(
            r#",{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}"#
        )
    };
    request_body(&images().map(part).collect::<String>())
}

fn request_body(parts: &str) -> String {
    let prompt = ReplySpec::WHOLE.prompt();
    format!(
        r#"{{"model":"gpt-4o-mini","max_tokens":1000,"messages":[{{"role":"user","content":[{{"type":"text","text":"{prompt}"}}{parts}]}}]}}"#
    )
}

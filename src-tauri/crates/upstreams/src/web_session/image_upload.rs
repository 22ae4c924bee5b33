//! Upload of a conversation's images to the site. An image that cannot be uploaded fails the request: a reply about an
//! image that the model never saw would be worse than none.

use std::pin::Pin;
use std::time::Instant;

use futures_util::{StreamExt, TryStreamExt, stream};
use http::Method;
use reqwest::multipart::{Form, Part as FormPart};
use serde_json::Value;
use url::Url;

use super::prompt_layout::PromptLayout;
use super::{WebUpstream, upload_cache};
use crate::{Credential, UpstreamError, UpstreamErrorKind};
use protocol::{Image, ImageKind, MAX_IMAGES, Part};

/// Limit on concurrent fetches and uploads of one request.
const MAX_CONCURRENT_UPLOADS: usize = 4;
/// Largest response to an upload, bytes. It holds little more than a URL.
const MAX_UPLOAD_RESPONSE_BYTES: usize = 64 * 1024;
const MAX_URL_BYTES: usize = 2048;
/// Largest image that is hashed inline, bytes. Larger ones are hashed on a blocking thread.
const MAX_INLINE_HASH_BYTES: usize = 64 * 1024;

/// Uploads all images. Returns the URLs of each turn's images in order.
pub(super) async fn upload_all(
    web: &WebUpstream,
    credential: &Credential,
    layout: &PromptLayout<'_>,
) -> Result<Vec<Vec<String>>, UpstreamError> {
    let images: Vec<&Part> = layout.turns.iter().flat_map(|turn| turn.images.iter().copied()).collect();
    if images.len() > MAX_IMAGES {
        return Err(UpstreamError::new(
            UpstreamErrorKind::Image,
            format!("a request can hold {MAX_IMAGES} images at most"),
        ));
    }
    let uploads: Vec<UploadFuture<'_>> = images
        .into_iter()
        .map(|part| Box::pin(upload_once(web, credential, part)) as UploadFuture<'_>)
        .collect();
    let urls: Vec<String> = stream::iter(uploads).buffered(MAX_CONCURRENT_UPLOADS).try_collect().await?;
    let mut urls = urls.into_iter();
    Ok(layout.turns.iter().map(|turn| urls.by_ref().take(turn.images.len()).collect()).collect())
}

/// An upload. Boxed, because the compiler cannot prove a stream of unnamed futures over borrowed parts to be `Send`.
type UploadFuture<'a> = Pin<Box<dyn Future<Output = Result<String, UpstreamError>> + Send + 'a>>;

async fn upload_once(
    web: &WebUpstream,
    credential: &Credential,
    part: &Part,
) -> Result<String, UpstreamError> {
    let image = match part {
        Part::Image(image) => image.clone(),
        Part::ImageLink(link) => web.fetcher()?.fetch(&link.url).await?,
        Part::Text(_) | Part::File(_) | Part::Reasoning(_) | Part::Call(_) | Part::Result(_) => {
            return Err(UpstreamError::new(UpstreamErrorKind::Image, "a text is no image"));
        }
    };
    let key = cache_key(&image).await;
    if let Some(url) = web.uploads.get(&credential.account, &key, Instant::now()) {
        return Ok(url);
    }
    let url = upload(web, credential, image).await.map_err(upload_error)?;
    web.uploads.insert(&credential.account, key, url.clone(), Instant::now());
    Ok(url)
}

async fn cache_key(image: &Image) -> upload_cache::ImageHash {
    let bytes = image.bytes().clone();
    if bytes.len() <= MAX_INLINE_HASH_BYTES {
        return upload_cache::image_hash(&bytes);
    }
    let copy = bytes.clone();
    // The runtime refuses a blocking task only while it ends.
    tokio::task::spawn_blocking(move || upload_cache::image_hash(&copy))
        .await
        .unwrap_or_else(|_| upload_cache::image_hash(&bytes))
}

async fn upload(web: &WebUpstream, credential: &Credential, image: Image) -> Result<String, UpstreamError> {
    let shape = &web.site.settings.protocol;
    let length = image.bytes().len() as u64;
    let file = FormPart::stream_with_length(image.bytes().clone(), length)
        .file_name(shape.upload_file_name.clone())
        .mime_str(image.kind().media_type())
        .expect("our media types are well formed");
    let form = Form::new()
        .text(shape.upload_type_field.clone(), shape.upload_type.clone())
        .text(shape.upload_name_field.clone(), random_name(image.kind()))
        .part(shape.upload_file_field.clone(), file);
    let site = &web.site;
    let answer = site.send(credential, Method::POST, &site.upload, |request| request.multipart(form)).await?;
    let json = answer.json(MAX_UPLOAD_RESPONSE_BYTES).await?;
    image_location(&json, &shape.location_key).ok_or_else(|| {
        let detail = format!("expected JSON with a URL in {} ({})", shape.location_key, shape.name);
        UpstreamError::new(UpstreamErrorKind::BadResponse, detail).with_status(200)
    })
}

/// Random file name: it reveals no name of a user's file and contains no text of a client.
fn random_name(kind: ImageKind) -> String {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the operating system has a source of random bytes");
    let extension = match kind {
        ImageKind::Png => "png",
        ImageKind::Jpeg => "jpg",
        ImageKind::Gif => "gif",
        ImageKind::Webp => "webp",
    };
    format!("{:032x}.{extension}", u128::from_ne_bytes(random))
}

fn image_location(json: &Value, key: &str) -> Option<String> {
    let text = json.get(key)?.as_str().filter(|text| text.len() <= MAX_URL_BYTES)?;
    let url = Url::parse(text).ok().filter(|_| !text.chars().any(char::is_control))?;
    matches!(url.scheme(), "http" | "https").then(|| text.to_owned())
}

fn upload_error(mut failure: UpstreamError) -> UpstreamError {
    failure.detail = format!("uploading an image failed: {}", failure.detail);
    // Neither is about the conversation here: the site does not want this image.
    if matches!(failure.kind, UpstreamErrorKind::Rejected | UpstreamErrorKind::ContextLength) {
        failure.kind = UpstreamErrorKind::Image;
    }
    failure
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn r08_only_an_http_url_is_a_location() {
        let of = |value: Value| image_location(&json!({"location": value}), "location");
        assert_eq!(of(json!("https://cdn.example/a.png?x=1")).unwrap(), "https://cdn.example/a.png?x=1");
        let long = format!("https://cdn.example/{}", "a".repeat(MAX_URL_BYTES));
        for bad in
            [json!("javascript:alert(1)"), json!("/a.png"), json!("https://a/\n"), json!(1), json!(long)]
        {
            assert_eq!(of(bad.clone()), None, "{bad}");
        }
        assert_eq!(image_location(&json!(null), "location"), None);
    }

    #[test]
    fn s09_upload_names_are_random() {
        let name = random_name(ImageKind::Jpeg);
        assert!(name.len() == 36 && name.ends_with(".jpg") && name != random_name(ImageKind::Jpeg));
    }
}

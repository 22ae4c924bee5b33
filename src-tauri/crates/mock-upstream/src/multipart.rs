//! Strict parser of `multipart/form-data` (RFC 7578).

use bytes::Bytes;

const MAX_PARTS: usize = 10_000;
const MAX_PART_HEAD_BYTES: usize = 8 * 1024;

/// One part of a form.
#[derive(Debug, PartialEq)]
pub(super) struct FormPart {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) bytes: Bytes,
}

impl FormPart {
    pub(super) fn text(&self) -> Result<&str, String> {
        std::str::from_utf8(&self.bytes).map_err(|_| format!("part {:?} is not UTF-8", self.name))
    }
}

/// Parses the parts in the order they were sent. The error is a sentence about the first violation.
pub(super) fn parse(content_type: &str, body: &Bytes) -> Result<Vec<FormPart>, String> {
    let delimiter = format!("\r\n--{}", boundary(content_type)?).into_bytes();
    let mut rest = body.clone();
    let opening = &delimiter[2..];
    if !rest.starts_with(opening) {
        return Err("the form does not begin with its boundary".to_owned());
    }
    let mut rest = rest.split_off(opening.len());
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        if parts.len() == MAX_PARTS {
            return Err("too many parts".to_owned());
        }
        let (part, after) = next_part(rest, &delimiter)?;
        parts.push(part);
        rest = after;
    }
    match &rest[2..] {
        b"" | b"\r\n" => Ok(parts),
        _ => Err("bytes after the end of the form".to_owned()),
    }
}

fn boundary(content_type: &str) -> Result<&str, String> {
    let (kind, parameters) = content_type.split_once(';').ok_or("no boundary in the content type")?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err("the content type is not multipart/form-data".to_owned());
    }
    let boundary = parameters.trim().strip_prefix("boundary=").ok_or("no boundary in the content type")?;
    let boundary = boundary.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(boundary);
    let valid = (1..=70).contains(&boundary.len()) && boundary.bytes().all(|b| b.is_ascii_graphic());
    if valid { Ok(boundary) } else { Err("the boundary is not valid".to_owned()) }
}

/// Parses the next part. `rest` begins after a boundary; the returned rest begins after the next one.
fn next_part(mut rest: Bytes, delimiter: &[u8]) -> Result<(FormPart, Bytes), String> {
    if !rest.starts_with(b"\r\n") {
        return Err("no line end behind a boundary".to_owned());
    }
    let window = &rest[..rest.len().min(MAX_PART_HEAD_BYTES)];
    let head_end = find_bytes(window, b"\r\n\r\n").ok_or("a part without the end of its head")?;
    let head = rest.split_to(head_end + 4);
    let end = find_bytes(&rest, delimiter).ok_or("the form ends inside a part")?;
    let bytes = rest.split_to(end);
    let after = rest.split_off(delimiter.len());
    Ok((parse_part(&head, bytes)?, after))
}

fn parse_part(head: &[u8], bytes: Bytes) -> Result<FormPart, String> {
    let head = std::str::from_utf8(head).map_err(|_| "a part's head is not UTF-8")?;
    let mut part = FormPart { name: String::new(), file_name: None, content_type: None, bytes };
    let mut dispositions = 0;
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or("a part's head has a line that is no header")?;
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" => {
                dispositions += 1;
                parse_disposition(value.trim(), &mut part)?;
            }
            "content-type" if part.content_type.is_none() => {
                part.content_type = Some(value.trim().to_owned());
            }
            _ => return Err("a part has a header that does not belong there".to_owned()),
        }
    }
    if dispositions == 1 { Ok(part) } else { Err("a part needs one Content-Disposition".to_owned()) }
}

fn parse_disposition(value: &str, part: &mut FormPart) -> Result<(), String> {
    let wrong = || "a Content-Disposition that is not form-data with a name".to_owned();
    let mut rest = value.strip_prefix("form-data").ok_or_else(wrong)?;
    while !rest.is_empty() {
        rest = rest.strip_prefix(';').ok_or_else(wrong)?.trim_start();
        let (key, quoted) = rest.split_once("=\"").ok_or_else(wrong)?;
        let (text, after) = quoted.split_once('"').ok_or_else(wrong)?;
        match key {
            "name" if part.name.is_empty() => part.name = text.to_owned(),
            "filename" if part.file_name.is_none() => part.file_name = Some(text.to_owned()),
            _ => return Err(wrong()),
        }
        rest = after;
    }
    if part.name.is_empty() { Err(wrong()) } else { Ok(()) }
}

/// Finds bytes by Horspool's search, because a naive search is slow on a 20 MB image in a debug build.
fn find_bytes(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut skips = [needle.len(); 256];
    let (last, before) = needle.split_last()?;
    for (index, byte) in before.iter().enumerate() {
        skips[usize::from(*byte)] = before.len() - index;
    }
    let mut start = 0;
    while let Some(window) = haystack.get(start..start + needle.len()) {
        let end = window[before.len()];
        if end == *last && window == needle {
            return Some(start);
        }
        start += skips[usize::from(end)];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=xyz";

    fn parse_text(body: &str) -> Result<Vec<FormPart>, String> {
        parse(TYPE, &Bytes::from(body.to_owned()))
    }

    #[test]
    fn parts_come_in_order_and_byte_for_byte() {
        let body = "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--xy z\r\n\r\n\
                    --xyz\r\nContent-Disposition: form-data; name=\"f\"; filename=\"blob\"\r\n\
                    Content-Type: image/png\r\n\r\n\r\n--xyz--\r\n";
        let parts = parse_text(body).unwrap();
        assert_eq!(parts[0].text().unwrap(), "\r\n--xy z\r\n");
        assert_eq!(parts[1].name, "f");
        assert_eq!(parts[1].file_name.as_deref(), Some("blob"));
        assert_eq!(parts[1].content_type.as_deref(), Some("image/png"));
        assert!(parts[1].bytes.is_empty());
    }

    #[test]
    fn a_quoted_boundary_is_the_same_boundary() {
        let body = Bytes::from_static(b"--xyz--");
        assert_eq!(parse("multipart/form-data; boundary=\"xyz\"", &body), Ok(vec![]));
    }

    #[test]
    fn what_is_not_exactly_a_form_is_refused() {
        let good = "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--xyz--\r\n";
        assert!(parse_text(good).is_ok());
        for end in 0..good.len() - 2 {
            assert!(parse_text(&good[..end]).is_err(), "cut at {end}");
        }
        assert!(parse_text(&format!("{good}x")).is_err());
        assert!(parse_text(&format!("x{good}")).is_err());
        assert!(parse_text(&good.replace("name=\"a\"", "name=\"a\"; name=\"b\"")).is_err());
        assert!(parse_text(&good.replace("Content-D", "X-Forged: 1\r\nContent-D")).is_err());
        assert!(parse("text/plain; boundary=xyz", &Bytes::from(good)).is_err());
        assert!(parse("multipart/form-data", &Bytes::from(good)).is_err());
    }

    #[test]
    fn the_search_finds_the_first_place() {
        assert_eq!(find_bytes(b"aabaab", b"ab"), Some(1));
        assert_eq!(find_bytes(b"aaaa", b"ab"), None);
        assert_eq!(find_bytes(b"a", b"ab"), None);
        assert_eq!(find_bytes(b"", b"ab"), None);
        assert_eq!(find_bytes(b"xxab", b"ab"), Some(2));
    }
}

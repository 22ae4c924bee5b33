//! Export of records for other programs: CSV for spreadsheets, exact JSON, and HAR for programs that show
//! HTTP.
use super::record::{Bodies, ErrorSource, RequestRecord};
use super::time::format_iso;
use serde_json::{Value, json};

const CSV_HEADER: &str = "id,time_ms,request_id,client,dialect,model_asked,model_served,account,attempts,status,code,fault,\
    bytes_in,bytes_out,prompt_tokens,completion_tokens,tokens_estimated,first_byte_ms,duration_ms,stream,interrupted,cost_usd,note,\
    unbilled,message,param,program,session,agent,request_class\r\n";

/// Format of an exported file. Its text is [`head`](Self::head), a [`row`](Self::row) for each record, then
/// [`tail`](Self::tail).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum ExportFormat {
    /// CSV (RFC 4180) with a header line; attempts are JSON in one cell. Texts that a spreadsheet would read
    /// as a formula begin with an apostrophe.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// HAR 1.2, with the stored bodies. Headers are missing, because they are not recorded.
    Har,
}

impl ExportFormat {
    pub fn head(self) -> String {
        match self {
            Self::Csv => CSV_HEADER.to_owned(),
            Self::Jsonl => String::new(),
            Self::Har => {
                let creator = json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") });
                format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[\n")
            }
        }
    }

    /// Formats one record. `bodies` are used by formats that [hold bodies](Self::holds_bodies).
    pub fn row(self, record: &RequestRecord, bodies: Option<&Bodies>, is_first: bool) -> String {
        match self {
            Self::Csv => csv_cells(record).join(",") + "\r\n",
            Self::Jsonl => serde_json::to_string(record).unwrap_or_default() + "\n",
            Self::Har => format!("{}{}\n", if is_first { "" } else { "," }, har_entry(record, bodies)),
        }
    }

    pub fn tail(self) -> &'static str {
        match self {
            Self::Csv | Self::Jsonl => "",
            Self::Har => "]}}\n",
        }
    }

    pub fn holds_bodies(self) -> bool {
        self == Self::Har
    }
}

fn csv_cells(record: &RequestRecord) -> [String; 30] {
    [
        record.id.to_string(),
        record.time_ms.to_string(),
        csv_text(&record.request_id),
        csv_text(&record.client),
        csv_text(&record.dialect),
        csv_text(&record.model_asked),
        csv_text(record.model_served.as_deref().unwrap_or_default()),
        csv_text(record.account.as_deref().unwrap_or_default()),
        csv_text(&serde_json::to_string(&record.attempts).unwrap_or_default()),
        record.status.to_string(),
        csv_text(record.code.as_deref().unwrap_or_default()),
        csv_text(record.fault.map(ErrorSource::name).unwrap_or_default()),
        record.bytes_in.to_string(),
        record.bytes_out.to_string(),
        csv_number(record.prompt_tokens),
        csv_number(record.completion_tokens),
        record.tokens_estimated.to_string(),
        csv_number(record.first_byte_ms),
        record.duration_ms.to_string(),
        record.stream.to_string(),
        record.interrupted.to_string(),
        record.cost_usd.map(|usd| usd.to_string()).unwrap_or_default(),
        csv_text(record.note.as_deref().unwrap_or_default()),
        record.unbilled.to_string(),
        csv_text(record.message.as_deref().unwrap_or_default()),
        csv_text(record.param.as_deref().unwrap_or_default()),
        csv_text(record.program.as_deref().unwrap_or_default()),
        csv_text(record.session.as_deref().unwrap_or_default()),
        csv_text(record.agent.as_deref().unwrap_or_default()),
        csv_text(record.request_class.as_deref().unwrap_or_default()),
    ]
}

fn har_entry(record: &RequestRecord, bodies: Option<&Bodies>) -> Value {
    let wait = record.first_byte_ms.unwrap_or(record.duration_ms);
    let kind = if record.stream { "text/event-stream" } else { "application/json" };
    let mut request = json!({
        "method": "POST", "url": format!("http://127.0.0.1/{}", record.dialect), "httpVersion": "HTTP/1.1",
        "cookies": [], "headers": [], "queryString": [], "headersSize": -1, "bodySize": record.bytes_in,
    });
    let mut content = json!({ "size": record.bytes_out, "mimeType": kind });
    if let Some(bodies) = bodies {
        request["postData"] = json!({ "mimeType": "application/json", "text": bodies.request });
        content["text"] = json!(bodies.response);
    }
    json!({
        "startedDateTime": format_iso(record.time_ms), "time": record.duration_ms, "request": request,
        "response": {
            "status": record.status, "statusText": record.code.as_deref().unwrap_or_default(),
            "httpVersion": "HTTP/1.1", "cookies": [], "headers": [], "content": content, "redirectURL": "",
            "headersSize": -1, "bodySize": record.bytes_out,
        },
        "cache": {},
        "timings": { "send": 0, "wait": wait, "receive": record.duration_ms.saturating_sub(wait) },
        "_record": record,
    })
}

fn csv_number(n: Option<u64>) -> String {
    n.map(|n| n.to_string()).unwrap_or_default()
}

fn csv_text(value: &str) -> String {
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if formula { "'" } else { "" };
    format!("\"{mark}{}\"", value.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    fn export_all(format: ExportFormat, records: &[(RequestRecord, Option<Bodies>)]) -> String {
        let rows = records.iter().enumerate();
        let rows = rows.map(|(at, (record, bodies))| format.row(record, bodies.as_ref(), at == 0));
        format.head() + &rows.collect::<String>() + format.tail()
    }

    #[test]
    fn l10_cells_never_become_formulas_and_json_is_exact() {
        for start in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert!(csv_text(start).starts_with("\"'"), "{start:?}");
        }
        assert_eq!(csv_text("a \"b\",\nc"), "\"a \"\"b\"\",\nc\"");
        let record = RequestRecord { client: "=cmd|' /C calc'!A0".into(), ..sample() };
        let table = export_all(ExportFormat::Csv, &[(record.clone(), None)]);
        assert!(table.contains(",\"'=cmd|' /C calc'!A0\","), "{table}");
        assert_eq!(table.lines().count(), 2);
        assert_eq!(CSV_HEADER.split(',').count(), csv_cells(&record).len());

        let lines = export_all(ExportFormat::Jsonl, &[(record.clone(), None), (sample(), None)]);
        let read: Vec<RequestRecord> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, [record, sample()]);
    }

    #[test]
    fn har_has_the_fields_that_the_format_requires() {
        let bodies = Bodies { request: "{\"a\":1}".into(), response: "data: x\n\n".into(), cut: false };
        let har = export_all(ExportFormat::Har, &[(sample(), Some(bodies)), (sample(), None)]);
        let har: Value = serde_json::from_str(&har).unwrap();
        assert_eq!(har["log"]["version"], "1.2");
        let entry = &har["log"]["entries"][0];
        assert_eq!(entry["startedDateTime"], "2026-03-01T14:05:09.123Z");
        assert_eq!((&entry["time"], &entry["timings"]["wait"]), (&json!(2_100), &json!(340)));
        assert_eq!(entry["request"]["postData"]["text"], "{\"a\":1}");
        assert_eq!(entry["response"]["content"]["text"], "data: x\n\n");
        assert_eq!(har["log"]["entries"][1]["request"].get("postData"), None);
    }
}

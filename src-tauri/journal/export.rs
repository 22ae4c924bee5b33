//! Records as a table for spreadsheets. The exact export is JSON, which [`Record`] gives through serde.
use super::record::{Fault, Record};

const HEADER: &str = "id,time_ms,request_id,client,dialect,model_asked,model_served,account,attempts,status,code,fault,\
    bytes_in,bytes_out,prompt_tokens,completion_tokens,tokens_estimated,first_byte_ms,duration_ms,stream,interrupted\r\n";

/// RFC 4180 with a header line; attempts are JSON in one cell. Texts a spreadsheet would take for a formula begin with
/// an apostrophe.
pub fn csv(records: &[Record]) -> String {
    let mut out = HEADER.to_owned();
    for record in records {
        out.push_str(&cells(record).join(","));
        out.push_str("\r\n");
    }
    out
}

fn cells(record: &Record) -> [String; 21] {
    [
        record.id.to_string(),
        record.time_ms.to_string(),
        text(&record.request_id),
        text(&record.client),
        text(&record.dialect),
        text(&record.model_asked),
        text(record.model_served.as_deref().unwrap_or_default()),
        text(record.account.as_deref().unwrap_or_default()),
        text(&serde_json::to_string(&record.attempts).unwrap_or_default()),
        record.status.to_string(),
        text(record.code.as_deref().unwrap_or_default()),
        text(record.fault.map(Fault::name).unwrap_or_default()),
        record.bytes_in.to_string(),
        record.bytes_out.to_string(),
        number(record.prompt_tokens),
        number(record.completion_tokens),
        record.tokens_estimated.to_string(),
        number(record.first_byte_ms),
        record.duration_ms.to_string(),
        record.stream.to_string(),
        record.interrupted.to_string(),
    ]
}

fn number(n: Option<u64>) -> String {
    n.map(|n| n.to_string()).unwrap_or_default()
}

fn text(value: &str) -> String {
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if formula { "'" } else { "" };
    format!("\"{mark}{}\"", value.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn l10_cells_never_become_formulas_and_json_is_exact() {
        for start in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert!(text(start).starts_with("\"'"), "{start:?}");
        }
        assert_eq!(text("a \"b\",\nc"), "\"a \"\"b\"\",\nc\"");
        let record = Record { client: "=cmd|' /C calc'!A0".into(), ..sample() };
        let table = csv(std::slice::from_ref(&record));
        assert!(table.contains(",\"'=cmd|' /C calc'!A0\","), "{table}");
        assert_eq!(table.lines().count(), 2);
        assert_eq!(HEADER.split(',').count(), cells(&record).len());

        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
    }
}

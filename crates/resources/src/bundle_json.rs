//! Writes the Bundles that Ward answers with, around stored bytes that are not parsed again.
//! <https://hl7.org/fhir/R4/bundle.html>

use ward_fhir::json::write_string;

/// A Bundle under construction.
pub struct BundleWriter {
    out: Vec<u8>,
    entries: usize,
    in_entry: bool,
}

impl BundleWriter {
    /// `links` are (relation, url).
    pub fn new(kind: &str, total: Option<u64>, links: &[(&str, String)]) -> Self {
        let mut out = Vec::with_capacity(4_096);
        out.extend_from_slice(b"{\"resourceType\":\"Bundle\",\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.push(b'"');
        if let Some(total) = total {
            out.extend_from_slice(format!(",\"total\":{total}").as_bytes());
        }
        if !links.is_empty() {
            out.extend_from_slice(b",\"link\":[");
            for (n, (relation, url)) in links.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(format!("{{\"relation\":\"{relation}\",\"url\":").as_bytes());
                write_string(url, &mut out);
                out.push(b'}');
            }
            out.push(b']');
        }
        Self {
            out,
            entries: 0,
            in_entry: false,
        }
    }

    pub fn entry(&mut self, full_url: Option<&str>) -> &mut Self {
        self.close_entry();
        self.out.extend_from_slice(if self.entries == 0 {
            b",\"entry\":[{"
        } else {
            b",{"
        });
        self.entries += 1;
        self.in_entry = true;
        if let Some(url) = full_url {
            self.member("fullUrl");
            write_string(url, &mut self.out);
        }
        self
    }

    pub fn resource(&mut self, json: &[u8]) -> &mut Self {
        self.member("resource");
        self.out.extend_from_slice(json);
        self
    }

    /// `score`: relevance between 0 and 1, with four digits.
    pub fn search(&mut self, mode: &str, score: Option<f64>) -> &mut Self {
        self.member("search");
        let score = score.map_or_else(String::new, |s| format!(",\"score\":{s:.4}"));
        for part in ["{\"mode\":\"", mode, "\"", &score, "}"] {
            self.out.extend_from_slice(part.as_bytes());
        }
        self
    }

    pub fn request(&mut self, method: &str, url: &str) -> &mut Self {
        self.member("request");
        self.out
            .extend_from_slice(format!("{{\"method\":\"{method}\",\"url\":").as_bytes());
        write_string(url, &mut self.out);
        self.out.push(b'}');
        self
    }

    pub fn response(&mut self, response: &Response<'_>) -> &mut Self {
        self.member("response");
        self.out
            .extend_from_slice(format!("{{\"status\":\"{}\"", response.status).as_bytes());
        if let Some(location) = response.location {
            self.out.extend_from_slice(b",\"location\":");
            write_string(location, &mut self.out);
        }
        if let Some(version) = response.version {
            self.out
                .extend_from_slice(format!(",\"etag\":\"W/\\\"{version}\\\"\"").as_bytes());
        }
        if let Some(at) = response.last_modified {
            self.out
                .extend_from_slice(format!(",\"lastModified\":\"{at}\"").as_bytes());
        }
        if let Some(outcome) = response.outcome {
            self.out.extend_from_slice(b",\"outcome\":");
            self.out.extend_from_slice(outcome);
        }
        self.out.push(b'}');
        self
    }

    /// Bytes written so far.
    pub fn size(&self) -> usize {
        self.out.len()
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.close_entry();
        if self.entries > 0 {
            self.out.push(b']');
        }
        self.out.push(b'}');
        self.out
    }

    fn close_entry(&mut self) {
        if self.in_entry {
            self.out.push(b'}');
            self.in_entry = false;
        }
    }

    fn member(&mut self, name: &str) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// `Bundle.entry.response`.
#[derive(Default)]
pub struct Response<'a> {
    /// Status line such as `201 Created`.
    pub status: &'a str,
    pub location: Option<&'a str>,
    pub version: Option<u32>,
    pub last_modified: Option<&'a str>,
    pub outcome: Option<&'a [u8]>,
}

/// Status lines as they stand in a Bundle.
pub fn status_line(status: u16) -> String {
    let reason = match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "",
    };
    format!("{status} {reason}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bundle_has_no_entry_member() {
        assert_eq!(
            BundleWriter::new("history", Some(0), &[]).finish(),
            br#"{"resourceType":"Bundle","type":"history","total":0}"#
        );
    }

    #[test]
    fn entries_hold_what_they_are_given() {
        let mut bundle =
            BundleWriter::new("searchset", None, &[("self", "http://x/a?b=\"".into())]);
        bundle
            .entry(Some("http://x/Patient/1"))
            .resource(b"{}")
            .search("match", None);
        bundle.entry(None).response(&Response {
            status: "204 No Content",
            version: Some(2),
            ..Response::default()
        });
        let text = String::from_utf8(bundle.finish()).expect("utf-8");
        assert_eq!(
            text,
            "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":[{\"relation\":\"self\",\"url\":\"http://x/a?b=\\\"\"}],\
             \"entry\":[{\"fullUrl\":\"http://x/Patient/1\",\"resource\":{},\"search\":{\"mode\":\"match\"}},\
             {\"response\":{\"status\":\"204 No Content\",\"etag\":\"W/\\\"2\\\"\"}}]}"
        );
    }
}

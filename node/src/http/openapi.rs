//! `GET /openapi.json`: the interface described for programs. Written by hand in `openapi.json`; a test compares
//! its paths with those that are served.

use axum::http::header;
use axum::response::IntoResponse;

/// The document.
const DOCUMENT: &str = include_str!("openapi.json");

/// Gives the document.
pub(super) async fn show() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::{in_namespace, of_cluster};
    use super::DOCUMENT;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    #[test]
    fn every_path_is_described_and_no_other() {
        let document = document();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            // What is there once for a cluster stands under a server of its own.
            let is_whole = item["servers"][0]["url"] == "/";
            let methods = item.as_object().unwrap().keys();
            for method in methods.filter(|key| *key != "servers" && *key != "parameters") {
                described.insert((is_whole, method.clone(), path.clone()));
            }
        }
        let own = |whole: bool, routes: Vec<(&'static str, &'static str)>| {
            let routes = routes.into_iter();
            routes.map(move |(method, path)| (whole, method.to_owned(), path.to_owned()))
        };
        let mut served: BTreeSet<_> = own(false, in_namespace().all).collect();
        served.extend(own(true, of_cluster().all));
        assert_eq!(described, served);
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_call_says_what_it_answers() {
        let document = document();
        let mut open = vec![&document];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(fields) => {
                    if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                        let place = target.strip_prefix('#').unwrap();
                        assert!(document.pointer(place).is_some(), "{target}");
                    }
                    open.extend(fields.values());
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        for (path, item) in document["paths"].as_object().unwrap() {
            let in_path: BTreeSet<&str> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            let shared = item["parameters"].as_array();
            let named = shared.into_iter().flatten().filter_map(|parameter| {
                let target = parameter["$ref"].as_str()?.strip_prefix('#')?;
                document.pointer(target)?["name"].as_str()
            });
            assert_eq!(named.collect::<BTreeSet<_>>(), in_path, "{path}");
            for (method, call) in item.as_object().unwrap() {
                if method != "servers" && method != "parameters" {
                    assert!(call["summary"].is_string(), "{method} {path}");
                    assert!(call["responses"].is_object(), "{method} {path}");
                }
            }
        }
    }
}

//! What a watcher asks: is it alive, is it ready. <https://hl7.org/fhir/R4/http.html> knows none of it, so it lies outside the base.

use ward_testkit::{Answer, Backend, Server, Start, backends};

fn get(server: &Server, path: &str) -> Answer {
    let origin = server.base.strip_suffix("/fhir").unwrap();
    server.anonymous().get(&format!("{origin}{path}"))
}

#[test]
fn health_is_told_without_a_token() {
    for backend in backends() {
        let server = Server::start(Start::empty(backend));
        for (path, text) in [("/health/live", "live\n"), ("/health/ready", "ready\n")] {
            let answer = get(&server, path).expect(200);
            assert_eq!(answer.text(), text);
            assert!(
                answer
                    .header("content-type")
                    .unwrap()
                    .starts_with("text/plain")
            );
        }
        let greeting = get(&server, "/").expect(200).text();
        for told in [&server.base, "/metadata", "/health/live", "/health/ready"] {
            assert!(greeting.contains(told), "{greeting}");
        }
        for path in ["/health", "/healthy", "/fhirs", "/metrics", "/favicon.ico"] {
            let answer = get(&server, path).expect(404).text();
            assert!(answer.contains("the FHIR base is /fhir"), "{answer}");
        }
    }
}

/// Who cannot reach its store is alive and not ready, and is ready again when the store is there.
#[test]
fn readiness_follows_the_store() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let server = Server::start(Start::empty(Backend::Postgres));
    let ward = server.client("loader");
    let database = server.home.database.as_ref().unwrap();
    database.close();
    let unready = get(&server, "/health/ready").expect(503);
    assert_eq!(unready.text(), "not ready\n");
    assert_eq!(unready.header("Retry-After"), Some("1"));
    get(&server, "/health/live").expect(200);
    assert_eq!(ward.get("Patient").expect(503).issue().0, "transient");
    database.open();
    get(&server, "/health/ready").expect(200);
    ward.get("Patient").expect(200);
}

use super::*;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A listener that counts who connects, and answers everybody with what it was given.
struct Canary {
    port: u16,
    hits: Arc<AtomicUsize>,
}

impl Canary {
    fn answering(answer: &'static [u8]) -> Canary {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let hits = Arc::new(AtomicUsize::new(0));
        let counted = hits.clone();
        std::thread::spawn(move || {
            // Connections stay open: whoever waits for more gets nothing.
            let mut open = Vec::new();
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let Ok(mut stream) = stream else { return };
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer);
                open.push(stream);
            }
        });
        Canary { port, hits }
    }
}

fn client(ports: Vec<u16>, loopback_http: bool) -> EgressClient {
    crate::tls::install_provider();
    let egress = Egress {
        ports,
        loopback_http,
    };
    EgressClient::new(&egress).expect("a client")
}

fn get(client: &EgressClient, url: &str, bytes_max: usize) -> Result<Fetched, FetchError> {
    ward_http::block_on(client.get(url, bytes_max))
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

/// X64, X65: none of these reaches the listener, whatever its port is allowed.
#[test]
fn urls_that_lead_inside_reach_nobody() {
    use FetchError::{AddressRefused, UrlRefused};
    let canary = Canary::answering(OK);
    let port = canary.port;
    let client = client(vec![443, 8443, port], false);
    let at = |host: &str| format!("https://{host}:{port}/jwks");
    let mut cases: Vec<(String, FetchError)> = Vec::new();
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[2002:7f00:1::]",
        "[2001:db8::1]",
        "[ff02::1]",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "%31%32%37.0.0.1",
        "127.0.0.1.",
        "ward.localhost",
    ] {
        cases.push((at(host), AddressRefused));
    }
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("https://user@127.0.0.1:{port}/"),
        format!("https://user:secret@localhost:{port}/"),
        format!("https://good.example@127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/#fragment"),
        format!("https://127.0.0.1:{port}\\@good.example/"),
        format!("https://127.0.0.1:{port}/ "),
        format!("\thttps://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/\r\nHost: x"),
        format!("https://１２７.0.0.1:{port}/"),
        format!("https://[fe80::1%25eth0]:{port}/"),
        format!("ftp://127.0.0.1:{port}/"),
        format!("gopher://127.0.0.1:{port}/"),
        format!("ws://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        "file:///etc/passwd".into(),
        "data:application/json,{}".into(),
        "unix:/var/run/docker.sock".into(),
        "https://".into(),
        "https:///good.example/jwks".into(),
        "https:good.example".into(),
        "".into(),
        "jwks".into(),
        "https://good.example:22/".into(),
        "https://good.example:80/".into(),
        "https://good.example:5432/".into(),
        "https://good.example:65536/".into(),
        format!("https://good.example/{}", "a".repeat(url::URL_BYTES_MAX)),
    ] {
        cases.push((url, UrlRefused));
    }
    assert!(cases.len() >= 40);
    for (url, error) in &cases {
        assert_eq!(get(&client, url, 1024).as_ref(), Err(error), "{url}");
    }
    assert_eq!(canary.hits.load(Ordering::SeqCst), 0);
}

#[test]
fn in_development_loopback_is_reached_by_http() {
    let canary = Canary::answering(OK);
    let client = client(vec![443], true);
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{}/jwks?x=1", canary.port);
        let fetched = get(&client, &url, 5).expect("an answer");
        assert_eq!((fetched.status, &fetched.body[..]), (200, &b"hello"[..]));
        assert_eq!(fetched.max_age_s(), Some(60));
        assert_eq!(get(&client, &url, 4), Err(FetchError::TooLarge));
    }
    for url in [
        "http://10.0.0.1/",
        "http://good.example/",
        "http://127.0.0.1.good.example/",
    ] {
        assert_eq!(get(&client, url, 5), Err(FetchError::UrlRefused), "{url}");
    }
    assert_eq!(
        get(&client, "https://169.254.169.254/", 5),
        Err(FetchError::AddressRefused)
    );
}

/// What is posted arrives as it was given, and the answer is bound as any other.
#[test]
fn a_form_is_posted_with_its_headers() {
    let echo = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = echo.local_addr().expect("an address").port();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = echo.accept().expect("a connection");
        let mut request = Vec::new();
        let mut part = [0; 4096];
        while !request.ends_with(b"grant_type=x") {
            let read = stream.read(&mut part).expect("a request");
            request.extend_from_slice(&part[..read]);
        }
        stream.write_all(OK).expect("an answer");
        String::from_utf8(request).expect("text").to_lowercase()
    });
    let headers = [
        ("authorization".to_owned(), "Basic d2FyZA==".to_owned()),
        (
            "content-type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        ),
    ];
    let url = format!("http://127.0.0.1:{port}/token");
    let posted = Posted {
        url: &url,
        headers: &headers,
        body: b"grant_type=x",
    };
    let client = client(vec![443], true);
    let answer = ward_http::block_on(client.post(posted, 5)).expect("an answer");
    assert_eq!((answer.status, &answer.body[..]), (200, &b"hello"[..]));
    let heard = heard.join().expect("what was heard");
    assert!(heard.starts_with("post /token http/1.1"), "{heard}");
    assert!(heard.contains("authorization: basic d2fyza=="), "{heard}");
    let inside = Posted {
        url: "https://10.0.0.1/token",
        ..posted
    };
    assert_eq!(
        ward_http::block_on(client.post(inside, 5)),
        Err(FetchError::AddressRefused)
    );
}

/// The upstream provider may be within the organization, where the installation says so: at this host and port and no other.
#[test]
fn a_private_host_is_one_that_is_named() {
    let rules = url::Rules {
        ports: vec![443],
        loopback_http: false,
        private: ["10.1.2.3:9443", "id.hospital.internal", "[fd00::1]"]
            .map(|host| url::Private::parse(host).expect(host))
            .into(),
    };
    for good in [
        "https://10.1.2.3:9443/keys",
        "https://id.hospital.internal/keys",
        "https://[fd00::1]/keys",
        "https://public.example/keys",
    ] {
        assert!(rules.check(good).is_ok(), "{good}");
    }
    for (bad, error) in [
        ("https://10.1.2.3/keys", FetchError::AddressRefused),
        ("https://10.1.2.4:9443/keys", FetchError::UrlRefused),
        ("https://10.1.2.4/keys", FetchError::AddressRefused),
        ("http://10.1.2.3:9443/keys", FetchError::UrlRefused),
        (
            "https://id.hospital.internal:9443/keys",
            FetchError::UrlRefused,
        ),
    ] {
        assert_eq!(rules.check(bad).err(), Some(error), "{bad}");
    }
    // Nobody can vouch for this machine itself or for a cloud's metadata.
    for never in ["127.0.0.1", "169.254.169.254", "localhost", "[::1]"] {
        let rules = url::Rules {
            ports: vec![443],
            loopback_http: false,
            private: vec![url::Private::parse(never).expect(never)],
        };
        assert_eq!(
            rules.check(&format!("https://{never}/")).err(),
            Some(FetchError::AddressRefused)
        );
    }
    for bad in [
        "",
        "a b",
        "https://x",
        "user@x",
        "x/y",
        "x:99999",
        "x?y",
        "x#y",
    ] {
        assert_eq!(url::Private::parse(bad), None, "{bad}");
    }
}

/// X64: what counts is what a name leads to at the moment of the connection, every address of it (DNS rebinding).
#[test]
fn x64_a_name_is_what_it_resolves_to() {
    let guard = Guard {
        loopback: false,
        private: vec!["id.hospital.internal".into()],
    };
    let checked = |name: &str, addresses: &[&str]| {
        let found = addresses.iter().map(|address| {
            let address = address.parse().expect("an address");
            SocketAddr::new(address, 0)
        });
        guard
            .trust(name)
            .checked(found)
            .map(|found| found.len())
            .ok()
    };
    let public = "8.8.8.8";
    assert_eq!(
        checked("good.example", &[public, "2606:4700::1111"]),
        Some(2)
    );
    for inside in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "fd00::1",
        "::ffff:10.0.0.1",
    ] {
        for addresses in [&[inside][..], &[public, inside], &[inside, public]] {
            assert_eq!(checked("good.example", addresses), None, "{addresses:?}");
        }
    }
    assert_eq!(checked("good.example", &[public; ADDRESSES_MAX]), Some(16));
    assert_eq!(checked("good.example", &[public; ADDRESSES_MAX + 1]), None);
    // X66: a name that the installation vouches for is that name and no other.
    assert_eq!(checked("id.hospital.internal", &["10.1.2.3"]), Some(1));
    assert_eq!(checked("id.hospital.internal", &["127.0.0.1"]), None);
    for look_alike in [
        "id.hospital.internal.evil.example",
        "xid.hospital.internal",
        "hospital.internal",
        "id.hospital.interna",
        "id.hospital.internal.",
    ] {
        assert_eq!(checked(look_alike, &["10.1.2.3"]), None, "{look_alike}");
    }
}

#[test]
fn x66_http_here_is_no_look_alike() {
    for here in [
        "http://127.0.0.1:8080/fhir",
        "http://127.0.0.2/fhir",
        "http://localhost/fhir",
        "http://[::1]:8080/fhir",
    ] {
        assert!(is_http_here(here), "{here}");
    }
    for elsewhere in [
        "http://127.0.0.1.evil.example/fhir",
        "http://localhost.evil.example/fhir",
        "http://localhostile/fhir",
        "http://127.0.0.1@evil.example/fhir",
        "http://10.0.0.1/fhir",
        "https://127.0.0.1/fhir",
        "127.0.0.1:8080/fhir",
        "",
    ] {
        assert!(!is_http_here(elsewhere), "{elsewhere}");
    }
}

#[test]
fn redirects_are_answers() {
    let inside = Canary::answering(OK);
    let location = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        inside.port
    );
    let door = Canary::answering(location.leak().as_bytes());
    let url = format!("http://127.0.0.1:{}/", door.port);
    let fetched = get(&client(vec![443], true), &url, 1024).expect("an answer");
    assert_eq!(fetched.status, 302);
    assert_eq!(inside.hits.load(Ordering::SeqCst), 0);
}

#[test]
fn a_slow_or_endless_answer_is_given_up() {
    let silent = Canary::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
    let endless =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n";
    let endless = Canary::answering(endless);
    let client = client(vec![443], true);
    let begun = std::time::Instant::now();
    let url = format!("http://127.0.0.1:{}/", silent.port);
    assert_eq!(get(&client, &url, 1024), Err(FetchError::Unreachable));
    let url = format!("http://127.0.0.1:{}/", endless.port);
    assert_eq!(get(&client, &url, 8), Err(FetchError::TooLarge));
    let closed = TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a port");
    assert_eq!(
        get(&client, &format!("http://{closed}/"), 8),
        Err(FetchError::Unreachable)
    );
    assert!(begun.elapsed() < TIMEOUT + Duration::from_secs(2));
}

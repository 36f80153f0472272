//! Every resource of a type, page by page, in both formats. <https://hl7.org/fhir/R4/http.html#paging>

use super::json::Json;
use super::xml::Element;
use ward_testkit::Client;

const XML: &str = "application/fhir+xml";
const PAGE: usize = 1_000;
/// No type of the test data has as many pages.
const PAGES_MAX: usize = 100;

/// Calls `see` with each resource of the type.
pub fn in_json(ward: &Client, ty: &str, mut see: impl FnMut(Json)) {
    let mut next = Some(format!("{ty}?_count={PAGE}"));
    for _ in 0..PAGES_MAX {
        let Some(url) = next else { return };
        let page = Json::parse(&ward.get(&url).expect(200).text());
        let links = page.items("link").iter();
        next = links
            .filter(|l| l.text("relation") == "next")
            .map(|l| l.text("url").to_owned())
            .next();
        let entries = page.into_items("entry").into_iter();
        entries.for_each(|entry| see(entry.into_member("resource").unwrap()));
    }
    panic!("the pages of {ty} do not end");
}

/// Calls `see` with each resource of the type.
pub fn in_xml(ward: &Client, ty: &str, mut see: impl FnMut(Element<'_>)) {
    let mut next = Some(format!("{ty}?_count={PAGE}"));
    for _ in 0..PAGES_MAX {
        let Some(url) = next else { return };
        let page = ward.request("GET", &url).header("Accept", XML).send();
        let text = page.expect(200).text();
        let page = Element::read(&text);
        assert_eq!(page.name, "Bundle");
        next = page
            .children("link")
            .find(|link| link.value("relation").as_deref() == Some("next"))
            .and_then(|link| link.value("url"));
        for entry in page.into_children("entry") {
            let resource = entry.into_children("resource").next().unwrap();
            see(resource.into_only_child().unwrap());
        }
    }
    panic!("the pages of {ty} do not end");
}

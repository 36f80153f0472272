//! Reads what the writer of pages has written, for programs that go the way of a person: `ward token`, and tests. Values are escaped
//! without exception and attributes quoted (`html.rs`), so no parser of HTML is needed; of any other document it understands nothing.

/// A page as it was written.
#[derive(Clone, Debug, Default)]
pub struct ReadPage(String);

impl ReadPage {
    pub fn new(html: String) -> ReadPage {
        ReadPage(html)
    }

    pub fn html(&self) -> &str {
        &self.0
    }

    pub fn heading(&self) -> String {
        self.text_of("h1")
    }

    /// The text of the first element of a name that has no attributes; empty where there is none.
    pub fn text_of(&self, tag: &str) -> String {
        let opened = format!("<{tag}>");
        let inside = self.0.split_once(&opened).map_or("", |(_, rest)| rest);
        unescaped(inside.split('<').next().unwrap_or_default())
    }

    /// Whether the page says that what was sent to it will not do.
    pub fn has_error(&self) -> bool {
        self.0.contains("role=\"alert\"")
    }

    /// The value of the first attribute of a name, whichever element has it.
    pub fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.0, name)
    }

    /// Where the form of the page is sent.
    pub fn action(&self) -> Option<String> {
        attribute(self.form()?.split('>').next()?, "action")
    }

    /// What the form hides to say that it is the server's.
    pub fn csrf(&self) -> Option<String> {
        let mut fields = self.inputs().filter(|input| is(input, "name", "csrf"));
        attribute(fields.next()?, "value")
    }

    /// Values of the boxes of a name that are ticked in the form, or hidden.
    pub fn ticked(&self, name: &str) -> Vec<String> {
        let inputs = self.inputs().filter(|input| is(input, "name", name));
        inputs
            .filter(|input| input.contains(" checked") || is(input, "type", "hidden"))
            .filter_map(|input| attribute(input, "value"))
            .collect()
    }

    /// Where the link with this text leads.
    pub fn link(&self, text: &str) -> Option<String> {
        self.0.split("<a ").skip(1).find_map(|link| {
            let (tag, rest) = link.split_once('>')?;
            let inside = rest.split("</a>").next()?;
            let shown = inside.replace("<bdi>", "").replace("</bdi>", "");
            (unescaped(&shown) == text).then(|| attribute(&format!(" {tag}"), "href"))?
        })
    }

    fn inputs(&self) -> impl Iterator<Item = &str> {
        let tags = self.form().unwrap_or_default().split("<input").skip(1);
        tags.map(|rest| rest.split('>').next().unwrap_or_default())
    }

    /// The last one: with the first of a place one signs out, and all forms of a step are sent to the same address.
    fn form(&self) -> Option<&str> {
        self.0.rsplit_once("<form").map(|(_, rest)| rest)
    }
}

fn is(tag: &str, name: &str, value: &str) -> bool {
    attribute(tag, name).is_some_and(|known| known == value)
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next().map(unescaped)
}

/// The reverse of what the writer does.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::super::{render, samples};
    use super::*;

    fn page(name: &str) -> ReadPage {
        let odd = |text: &str| format!("{text} & <'\">");
        let pages = samples::pages(&odd);
        let (_, page) = pages.iter().find(|(known, _)| *known == name).unwrap();
        ReadPage::new(render(page))
    }

    #[test]
    fn a_page_is_read_as_it_was_written() {
        let approve = page("approve");
        assert_eq!(approve.heading(), "Give this app access?");
        assert!(approve.has_error() && !page("clients").has_error());
        assert_eq!(approve.csrf().unwrap(), "0sVq3c8J2u0 & <'\">");
        let ticked = approve.ticked("scope");
        assert_eq!(ticked[0], "openid fhirUser & <'\">");
        assert_eq!(ticked.len(), 4, "parts are not ticked: {ticked:?}");
        assert_eq!(page("sign_in").ticked("shared"), ["yes"]);
        assert!(ReadPage::new("no page".into()).csrf().is_none());
    }

    #[test]
    fn places_and_links_are_found() {
        let pages = samples::pages(&str::to_owned);
        let read = |name: &str| {
            let (_, page) = pages.iter().find(|(known, _)| *known == name).unwrap();
            ReadPage::new(render(page))
        };
        assert_eq!(read("approve").action().unwrap(), "/auth/approve?tx=4fK2");
        assert_eq!(
            read("apps").action().unwrap(),
            "/auth/apps",
            "not the form to sign out"
        );
        let provider = read("sign_in").link("Sign in with City Hospital");
        assert_eq!(provider.unwrap(), "/auth/upstream?provider=city");
        assert_eq!(read("sign_in").link("Sign in"), None);
    }
}

//! Elements that pages are made of. There is no `iframe`, `object`, `base` or `style`, and what is in a `script` is never written.

/// An element that has an inside.
#[derive(Clone, Copy, Debug)]
pub struct Tag(&'static str);

/// An element that has none.
#[derive(Clone, Copy, Debug)]
pub struct VoidTag(&'static str);

impl Tag {
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl VoidTag {
    pub fn name(self) -> &'static str {
        self.0
    }
}

pub const HTML: Tag = Tag("html");
pub const HEAD: Tag = Tag("head");
pub const TITLE: Tag = Tag("title");
pub const BODY: Tag = Tag("body");
pub const HEADER: Tag = Tag("header");
pub const NAV: Tag = Tag("nav");
pub const MAIN: Tag = Tag("main");
pub const FOOTER: Tag = Tag("footer");
pub const SECTION: Tag = Tag("section");
pub const DIV: Tag = Tag("div");
pub const P: Tag = Tag("p");
pub const H1: Tag = Tag("h1");
pub const H2: Tag = Tag("h2");
pub const H3: Tag = Tag("h3");
pub const SPAN: Tag = Tag("span");
pub const STRONG: Tag = Tag("strong");
pub const BDI: Tag = Tag("bdi");
pub const CODE: Tag = Tag("code");
pub const UL: Tag = Tag("ul");
pub const OL: Tag = Tag("ol");
pub const LI: Tag = Tag("li");
pub const DL: Tag = Tag("dl");
pub const DT: Tag = Tag("dt");
pub const DD: Tag = Tag("dd");
pub const TABLE: Tag = Tag("table");
pub const CAPTION: Tag = Tag("caption");
pub const THEAD: Tag = Tag("thead");
pub const TBODY: Tag = Tag("tbody");
pub const TR: Tag = Tag("tr");
pub const TH: Tag = Tag("th");
pub const TD: Tag = Tag("td");
pub const A: Tag = Tag("a");
pub const FORM: Tag = Tag("form");
pub const FIELDSET: Tag = Tag("fieldset");
pub const LEGEND: Tag = Tag("legend");
pub const LABEL: Tag = Tag("label");
pub const BUTTON: Tag = Tag("button");
pub const TEXTAREA: Tag = Tag("textarea");
pub const SCRIPT: Tag = Tag("script");
pub const SVG: Tag = Tag("svg");
pub const PATH: Tag = Tag("path");
pub const RECT: Tag = Tag("rect");
pub const CIRCLE: Tag = Tag("circle");
pub const DRAWN_LINE: Tag = Tag("line");
pub const DRAWN_TEXT: Tag = Tag("text");
pub const PRE: Tag = Tag("pre");
pub const DETAILS: Tag = Tag("details");
pub const SUMMARY: Tag = Tag("summary");
pub const SELECT: Tag = Tag("select");
pub const OPTION: Tag = Tag("option");

pub const META: VoidTag = VoidTag("meta");
pub const LINK: VoidTag = VoidTag("link");
pub const INPUT: VoidTag = VoidTag("input");

//! One thing to say.

use super::attribute as a;
use super::html::Target;
use super::layout::{Frame, page};
use super::tag;
use ward_smart::page::Message;

pub fn render(model: &Message) -> String {
    page(Frame::Step, &model.title, |html| {
        let (class, role) = if model.is_error {
            ("notice bad", "alert")
        } else {
            ("notice good", "status")
        };
        html.element(tag::DIV, &[a::class(class), a::role(role)], |html| {
            html.line(tag::P, &[], &model.text);
        });
        if let Some((text, target)) = &model.link
            && let Some(target) = Target::of(target)
        {
            html.element(tag::P, &[a::class("onward")], |html| {
                html.line(tag::A, &[a::class("button"), a::href(target)], text);
            });
        }
    })
}

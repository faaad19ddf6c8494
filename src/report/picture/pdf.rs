//! A figure as a PDF page of paths, with text as outlines.

use super::Picture;
use crate::report::error::WriteError;

pub(super) struct Pdf;

impl Picture for Pdf {
    fn ending(&self) -> &'static str {
        ".pdf"
    }

    #[cfg(not(feature = "figures"))]
    fn draw(&self, _: &str) -> Result<Vec<u8>, WriteError> {
        Err(super::no_feature("PDF"))
    }

    #[cfg(feature = "figures")]
    fn draw(&self, svg: &str) -> Result<Vec<u8>, WriteError> {
        Ok(page::of(&super::tree::shapes(svg)?))
    }
}

#[cfg(feature = "figures")]
mod page {
    use std::collections::BTreeMap;

    use pdf_writer::types::{LineCapStyle, LineJoinStyle};
    use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref};
    use resvg::tiny_skia::{Path, PathSegment, Transform};
    use resvg::usvg::{self, Color, FillRule, Group, LineCap, LineJoin, Node, Paint, PaintOrder, Tree};

    /// Points to a pixel.
    const POINTS: f32 = 72.0 / 96.0;
    /// Numbers of the objects in the file. Graphics states with opacities follow.
    const CATALOG: i32 = 1;
    const PAGES: i32 = 2;
    const PAGE: i32 = 3;
    const CONTENT: i32 = 4;
    const FIRST_STATE: i32 = 5;
    /// Compression level, 0 to 10.
    const LEVEL: u8 = 8;

    /// The file of a picture.
    pub(super) fn of(tree: &Tree) -> Vec<u8> {
        let (width, height) = (tree.size().width() * POINTS, tree.size().height() * POINTS);
        let mut drawing = Drawing { content: Content::new(), states: BTreeMap::new() };
        // The vertical axis of PDF points upwards.
        drawing.content.transform([POINTS, 0.0, 0.0, -POINTS, 0.0, height]);
        drawing.group(tree.root());
        let Drawing { content, states } = drawing;
        let mut pdf = Pdf::new();
        pdf.catalog(Ref::new(CATALOG)).pages(Ref::new(PAGES));
        pdf.pages(Ref::new(PAGES)).kids([Ref::new(PAGE)]).count(1);
        let mut page = pdf.page(Ref::new(PAGE));
        page.parent(Ref::new(PAGES)).media_box(Rect::new(0.0, 0.0, width, height)).contents(Ref::new(CONTENT));
        let mut resources = page.resources();
        let mut names = resources.ext_g_states();
        for (number, _) in states.values() {
            names.pair(Name(state_name(*number).as_bytes()), Ref::new(FIRST_STATE + number));
        }
        names.finish();
        resources.finish();
        page.finish();
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(content.finish().as_slice(), LEVEL);
        pdf.stream(Ref::new(CONTENT), &packed).filter(Filter::FlateDecode);
        for (number, opacity) in states.values() {
            let mut state = pdf.ext_graphics(Ref::new(FIRST_STATE + number));
            state.non_stroking_alpha(*opacity).stroking_alpha(*opacity);
        }
        pdf.finish()
    }

    fn state_name(number: i32) -> String {
        format!("g{number}")
    }

    /// The content of a page.
    struct Drawing {
        content: Content,
        /// The opacities in use by their bits, each with the number of its graphics state.
        states: BTreeMap<u32, (i32, f32)>,
    }

    impl Drawing {
        fn group(&mut self, group: &Group) {
            self.content.save_state();
            self.transform(group.transform());
            if let Some(clip) = group.clip_path() {
                self.clip(clip.root(), clip.transform());
                self.content.clip_nonzero().end_path();
            }
            for node in group.children() {
                match node {
                    Node::Group(group) => self.group(group),
                    Node::Path(path) => self.path(path),
                    Node::Text(text) => self.group(text.flattened()),
                    // Figures contain no raster images.
                    Node::Image(_) => (),
                }
            }
            self.content.restore_state();
        }

        fn transform(&mut self, by: Transform) {
            if !by.is_identity() {
                self.content.transform([by.sx, by.ky, by.kx, by.sy, by.tx, by.ty]);
            }
        }

        /// Adds the outlines of all paths of a group to the clipping path.
        fn clip(&mut self, group: &Group, by: Transform) {
            let by = by.pre_concat(group.transform());
            for node in group.children() {
                match node {
                    Node::Group(group) => self.clip(group, by),
                    Node::Path(path) => {
                        if let Some(path) = path.data().clone().transform(by) {
                            self.outline(&path);
                        }
                    }
                    Node::Text(_) | Node::Image(_) => (),
                }
            }
        }

        fn path(&mut self, path: &usvg::Path) {
            if !path.is_visible() {
                return;
            }
            match path.paint_order() {
                PaintOrder::FillAndStroke => {
                    self.fill(path);
                    self.stroke(path);
                }
                PaintOrder::StrokeAndFill => {
                    self.stroke(path);
                    self.fill(path);
                }
            }
        }

        fn fill(&mut self, path: &usvg::Path) {
            let Some((fill, [red, green, blue])) = path.fill().and_then(|fill| Some((fill, colour(fill.paint())?)))
            else {
                return;
            };
            self.opacity(fill.opacity().get());
            self.content.set_fill_rgb(red, green, blue);
            self.outline(path.data());
            match fill.rule() {
                FillRule::NonZero => self.content.fill_nonzero(),
                FillRule::EvenOdd => self.content.fill_even_odd(),
            };
        }

        fn stroke(&mut self, path: &usvg::Path) {
            let Some((stroke, [red, green, blue])) =
                path.stroke().and_then(|stroke| Some((stroke, colour(stroke.paint())?)))
            else {
                return;
            };
            self.opacity(stroke.opacity().get());
            self.content.set_stroke_rgb(red, green, blue).set_line_width(stroke.width().get());
            self.content.set_line_cap(match stroke.linecap() {
                LineCap::Butt => LineCapStyle::ButtCap,
                LineCap::Round => LineCapStyle::RoundCap,
                LineCap::Square => LineCapStyle::ProjectingSquareCap,
            });
            self.content.set_line_join(match stroke.linejoin() {
                LineJoin::Miter | LineJoin::MiterClip => LineJoinStyle::MiterJoin,
                LineJoin::Round => LineJoinStyle::RoundJoin,
                LineJoin::Bevel => LineJoinStyle::BevelJoin,
            });
            self.content.set_miter_limit(stroke.miterlimit().get());
            let dashes = stroke.dasharray().unwrap_or_default().iter().copied();
            self.content.set_dash_pattern(dashes, stroke.dashoffset());
            self.outline(path.data());
            self.content.stroke();
        }

        /// Sets the opacity of what follows.
        fn opacity(&mut self, opacity: f32) {
            let next = self.states.len() as i32;
            let (number, _) = *self.states.entry(opacity.to_bits()).or_insert((next, opacity));
            self.content.set_parameters(Name(state_name(number).as_bytes()));
        }

        fn outline(&mut self, path: &Path) {
            let mut last = (0.0, 0.0);
            for segment in path.segments() {
                match segment {
                    PathSegment::MoveTo(to) => {
                        self.content.move_to(to.x, to.y);
                        last = (to.x, to.y);
                    }
                    PathSegment::LineTo(to) => {
                        self.content.line_to(to.x, to.y);
                        last = (to.x, to.y);
                    }
                    PathSegment::QuadTo(by, to) => {
                        // PDF has only cubic curves.
                        let toward = |from: f32, by: f32| from + 2.0 / 3.0 * (by - from);
                        let one = (toward(last.0, by.x), toward(last.1, by.y));
                        let other = (toward(to.x, by.x), toward(to.y, by.y));
                        self.content.cubic_to(one.0, one.1, other.0, other.1, to.x, to.y);
                        last = (to.x, to.y);
                    }
                    PathSegment::CubicTo(one, other, to) => {
                        self.content.cubic_to(one.x, one.y, other.x, other.y, to.x, to.y);
                        last = (to.x, to.y);
                    }
                    PathSegment::Close => {
                        self.content.close_path();
                    }
                }
            }
        }
    }

    /// A colour. Figures have no gradients or patterns.
    fn colour(paint: &Paint) -> Option<[f32; 3]> {
        let Paint::Color(Color { red, green, blue }) = paint else { return None };
        Some([red, green, blue].map(|part| f32::from(*part) / 255.0))
    }
}

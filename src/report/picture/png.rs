//! A figure as pixels.

use super::Picture;
use crate::report::error::WriteError;

pub(super) struct Png;

impl Picture for Png {
    fn ending(&self) -> &'static str {
        ".png"
    }

    #[cfg(not(feature = "figures"))]
    fn draw(&self, _: &str) -> Result<Vec<u8>, WriteError> {
        Err(super::no_feature("PNG"))
    }

    #[cfg(feature = "figures")]
    fn draw(&self, svg: &str) -> Result<Vec<u8>, WriteError> {
        dots(svg)
    }
}

/// Pixels of the file per CSS pixel: 300 per inch.
#[cfg(feature = "figures")]
const SCALE: f32 = 300.0 / 96.0;
/// Maximum number of pixels.
#[cfg(feature = "figures")]
const MOST: u64 = 100_000_000;

#[cfg(feature = "figures")]
fn dots(svg: &str) -> Result<Vec<u8>, WriteError> {
    use resvg::tiny_skia::{Pixmap, Transform};
    let tree = super::tree::shapes(svg)?;
    let side = |length: f32| (length * SCALE).round() as u32;
    let (width, height) = (side(tree.size().width()), side(tree.size().height()));
    let is_small = u64::from(width) * u64::from(height) <= MOST;
    let map = is_small.then(|| Pixmap::new(width, height)).flatten();
    let mut map =
        map.ok_or_else(|| WriteError(format!("a figure of {width} by {height} pixels is too large for PNG")))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut map.as_mut());
    encoded(&map).map_err(|error| WriteError(format!("a figure could not be written as PNG: {error}")))
}

/// A pixel map as a file. Every figure has an opaque background, so the file has no alpha channel.
#[cfg(feature = "figures")]
fn encoded(map: &resvg::tiny_skia::Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, map.width(), map.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // The fast encoder is portable code; the zlib that the other levels use depends on the build.
    encoder.set_compression(png::Compression::Fast);
    let to_a_metre = (300.0_f64 / 0.0254).round() as u32;
    let dots = png::PixelDimensions { xppu: to_a_metre, yppu: to_a_metre, unit: png::Unit::Meter };
    encoder.set_pixel_dims(Some(dots));
    let colours: Vec<u8> = map.pixels().iter().flat_map(|dot| [dot.red(), dot.green(), dot.blue()]).collect();
    encoder.write_header()?.write_image_data(&colours)?;
    Ok(bytes)
}

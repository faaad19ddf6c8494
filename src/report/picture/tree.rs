//! A figure as shapes: SVG parsed with the font that the program contains.

use std::sync::{Arc, LazyLock};

use resvg::usvg::{Options, Tree, fontdb};

use crate::report::error::WriteError;

/// The font, reduced to the characters of figures; its licence is in `OFL.txt`.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("Arimo-Regular.ttf").to_vec());
    fonts.load_font_data(include_bytes!("Arimo-Bold.ttf").to_vec());
    // No other family is loaded, so every text falls back to this one.
    fonts.set_sans_serif_family("Arimo");
    Arc::new(fonts)
});

/// The shapes of a figure.
pub(super) fn shapes(svg: &str) -> Result<Tree, WriteError> {
    let options = Options { fontdb: Arc::clone(&FONTS), font_family: "Arimo".to_owned(), ..Options::default() };
    Tree::from_str(svg, &options).map_err(|error| WriteError(format!("a figure could not be read as SVG: {error}")))
}

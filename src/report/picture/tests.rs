//! Figures as PDF and PNG.

#![cfg(feature = "figures")]

use super::*;

/// A picture as a file of a format.
fn drawn(format: &str, svg: &str) -> Vec<u8> {
    let format = PictureFormat::ALL.into_iter().find(|known| known.name() == format).unwrap();
    format.member().draw(svg).unwrap()
}

const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 96 48\" width=\"96\" height=\"48\" \
    font-family=\"Helvetica, sans-serif\" font-size=\"12\"><rect width=\"96\" height=\"48\" fill=\"#ffffff\"/>\
    <clipPath id=\"c\"><rect x=\"0\" y=\"0\" width=\"48\" height=\"48\"/></clipPath>\
    <g color=\"#d55e00\" clip-path=\"url(#c)\"><rect x=\"24\" y=\"12\" width=\"72\" height=\"24\" fill=\"currentColor\" fill-opacity=\"0.5\"/></g>";

fn picture(more: &str) -> String {
    format!("{SVG}{more}</svg>")
}

#[test]
fn a_pdf_has_the_size_of_the_picture_and_letters_as_outlines() {
    let plain = drawn("pdf", &picture(""));
    let text = String::from_utf8_lossy(&plain).into_owned();
    // 96 by 48 pixels of 1/96 inch are 72 by 36 points.
    assert!(plain.starts_with(b"%PDF-1.") && text.contains("[0 0 72 36]"), "{text}");
    assert!(text.contains("/ca 0.5"), "half of the colour shines through: {text}");
    let lettered = drawn("pdf", &picture("<text x=\"2\" y=\"40\">α 10²³</text>"));
    assert!(lettered.len() > plain.len() + 300 && !lettered.windows(5).any(|five| five == b"/Font"));
}

#[test]
fn a_png_has_three_hundred_dots_to_an_inch_and_is_cut_where_the_picture_is() {
    let bytes = drawn("png", &picture(""));
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(bytes.as_slice())).read_info().unwrap();
    let mut dots = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut dots).unwrap();
    assert_eq!((frame.width, frame.height), (300, 150));
    assert_eq!(reader.info().pixel_dims.unwrap().xppu, 11811, "dots to a metre");
    let at = |x: usize, y: usize| -> [u8; 3] { dots[3 * (300 * y + x)..][..3].try_into().unwrap() };
    // Half of #d55e00 on white; nothing right of the cut at 48 pixels.
    assert!(at(100, 75).into_iter().zip([234_u8, 174, 127]).all(|(found, wanted)| found.abs_diff(wanted) <= 1));
    assert_eq!((at(200, 75), at(10, 10)), ([255; 3], [255; 3]));
}

#[test]
fn text_is_drawn_in_the_font_that_the_program_contains() {
    let with = |text: &str| drawn("png", &picture(&format!("<text x=\"2\" y=\"40\">{text}</text>")));
    // A character that the font lacks is left out.
    let nothing = with("\u{e000}");
    for text in ["A", "α", "10⁻²³", "−1.5·10²¹", "Ж", "é", "…"] {
        for letter in text.chars() {
            assert!(with(&letter.to_string()) != nothing, "{letter} of {text} is drawn");
        }
    }
}

#[test]
fn text_that_is_not_svg_and_pictures_of_a_billion_pixels_are_errors() {
    let of = |name: &str| PictureFormat::ALL.into_iter().find(|known| known.name() == name).unwrap().member();
    for format in PictureFormat::ALL {
        assert!(format.member().draw("<svg").is_err());
    }
    let huge = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1e9\" height=\"1e9\"/>";
    assert!(of("png").draw(huge).is_err(), "pixels");
    assert!(of("pdf").draw(huge).is_ok(), "a page of vectors has any size");
}

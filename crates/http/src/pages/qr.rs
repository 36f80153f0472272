//! A QR code of a short text, drawn as SVG: bytes, error correction level M, versions 1 to 9. (ISO/IEC 18004)

use super::attribute as a;
use super::html::Html;
use super::tag;
use std::fmt::Write;

mod matrix;
mod reed_solomon;

use matrix::Matrix;

/// Light modules around the code, which readers need.
const QUIET: usize = 4;

/// Draws the code of `text`; nothing where it is longer than fits (180 bytes): a page says it in words too.
pub fn draw(html: &mut Html, text: &str, label: &str) {
    let Some(code) = encode(text.as_bytes()) else {
        return;
    };
    let side = code.side() + 2 * QUIET;
    let side_text = side.to_string();
    let view_box = format!("0 0 {side} {side}");
    let drawing = [
        a::class("qr"),
        a::role("img"),
        a::label(label),
        a::view_box(&view_box),
    ];
    html.element(tag::SVG, &drawing, |html| {
        html.element(
            tag::RECT,
            &[a::width(&side_text), a::height(&side_text)],
            |_| {},
        );
        html.element(tag::PATH, &[a::d(&outline(&code))], |_| {});
    });
}

/// One bar for each run of dark modules in a row.
fn outline(code: &Matrix) -> String {
    let mut path = String::new();
    for y in 0..code.side() {
        let mut x = 0;
        while x < code.side() {
            let run = (x..code.side())
                .take_while(|at| code.is_dark(*at, y))
                .count();
            if run > 0 {
                // Writing to a String does not fail.
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run.max(1);
        }
    }
    path
}

fn encode(bytes: &[u8]) -> Option<Matrix> {
    let (at, version) = VERSIONS
        .iter()
        .enumerate()
        .find(|(_, v)| v.data_len() >= bytes.len() + 2)?;
    let codewords = version.interleaved(&version.data(bytes));
    Some(Matrix::best(at + 1, version.aligned, &codewords))
}

/// How the codewords of a version are split into blocks at level M.
struct Version {
    /// Blocks, and data codewords in each.
    blocks: &'static [(usize, usize)],
    /// Error correction codewords of each block.
    correction: usize,
    /// Where the centres of alignment patterns lie, in both directions.
    aligned: &'static [usize],
}

impl Version {
    fn data_len(&self) -> usize {
        self.blocks.iter().map(|(count, len)| count * len).sum()
    }

    /// Mode (4 bits), count (8 bits), the bytes, an end (4 bits), and filling.
    fn data(&self, bytes: &[u8]) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.data_len());
        let mut carried = BYTE_MODE;
        for byte in std::iter::once(bytes.len() as u8)
            .chain(bytes.iter().copied())
            .chain([0])
        {
            data.push(carried << 4 | byte >> 4);
            carried = byte & 0x0f;
        }
        data.extend(
            [0xec, 0x11]
                .into_iter()
                .cycle()
                .take(self.data_len() - data.len()),
        );
        data
    }

    fn interleaved(&self, data: &[u8]) -> Vec<u8> {
        let mut rest = data;
        let mut blocks = Vec::new();
        for (count, len) in self.blocks {
            for _ in 0..*count {
                let (block, after) = rest.split_at(*len);
                blocks.push((block, reed_solomon::correction(block, self.correction)));
                rest = after;
            }
        }
        let longest = blocks
            .iter()
            .map(|(block, _)| block.len())
            .max()
            .unwrap_or_default();
        let of_data = (0..longest).flat_map(|n| blocks.iter().filter_map(move |(b, _)| b.get(n)));
        let of_correction =
            (0..self.correction).flat_map(|n| blocks.iter().map(move |(_, c)| &c[n]));
        of_data.chain(of_correction).copied().collect()
    }
}

const BYTE_MODE: u8 = 0b0100;
const VERSIONS: [Version; 9] = [
    Version {
        blocks: &[(1, 16)],
        correction: 10,
        aligned: &[],
    },
    Version {
        blocks: &[(1, 28)],
        correction: 16,
        aligned: &[6, 18],
    },
    Version {
        blocks: &[(1, 44)],
        correction: 26,
        aligned: &[6, 22],
    },
    Version {
        blocks: &[(2, 32)],
        correction: 18,
        aligned: &[6, 26],
    },
    Version {
        blocks: &[(2, 43)],
        correction: 24,
        aligned: &[6, 30],
    },
    Version {
        blocks: &[(4, 27)],
        correction: 16,
        aligned: &[6, 34],
    },
    Version {
        blocks: &[(4, 31)],
        correction: 18,
        aligned: &[6, 22, 38],
    },
    Version {
        blocks: &[(2, 38), (2, 39)],
        correction: 22,
        aligned: &[6, 24, 42],
    },
    Version {
        blocks: &[(3, 36), (2, 37)],
        correction: 22,
        aligned: &[6, 26, 46],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(code: &Matrix) -> String {
        let row = |y| {
            (0..code.side())
                .map(|x| if code.is_dark(x, y) { '#' } else { '.' })
                .collect::<String>()
        };
        (0..code.side()).map(|y| row(y) + "\n").collect()
    }

    #[test]
    fn codes_are_as_an_independent_reader_has_read_them() {
        let short = encode(b"https://hl7.org/fhir").unwrap();
        assert_eq!(rows(&short), include_str!("qr/short.txt"));
        let uri =
            b"otpauth://totp/Ward:clinician?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Ward";
        assert_eq!(rows(&encode(uri).unwrap()), include_str!("qr/otpauth.txt"));
    }

    #[test]
    fn every_length_up_to_the_longest_has_a_code() {
        for length in 0..=180 {
            let code = encode(&vec![b'a'; length]).unwrap();
            assert_eq!((code.side() - 17) % 4, 0, "{length}");
        }
        assert!(encode(&[b'a'; 181]).is_none());
    }
}

//! Error correction codewords: the remainder of the data, as a polynomial over GF(2⁸), by a generator.

/// The `count` codewords that follow `data`.
pub fn correction(data: &[u8], count: usize) -> Vec<u8> {
    let generator = generator(count);
    let mut remainder = vec![0; count];
    for byte in data {
        let factor = byte ^ remainder.remove(0);
        remainder.push(0);
        for (term, coefficient) in remainder.iter_mut().zip(&generator) {
            *term ^= product(*coefficient, factor);
        }
    }
    remainder
}

/// (x - 1)(x - 2)(x - 4)…, without its leading 1.
fn generator(count: usize) -> Vec<u8> {
    let mut terms = vec![0; count];
    terms[count - 1] = 1;
    let mut root = 1;
    for _ in 0..count {
        for at in 0..count {
            let next = terms.get(at + 1).copied().unwrap_or_default();
            terms[at] = product(terms[at], root) ^ next;
        }
        root = product(root, 2);
    }
    terms
}

fn product(a: u8, b: u8) -> u8 {
    let mut sum = 0u16;
    for bit in (0..8).rev() {
        sum <<= 1;
        if sum & 0x100 != 0 {
            sum ^= 0x11d;
        }
        if b >> bit & 1 == 1 {
            sum ^= u16::from(a);
        }
    }
    sum as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of ISO/IEC 18004 annex I: `01234567` in version 1-M.
    #[test]
    fn the_standards_own_example() {
        let data = [
            0x10, 0x20, 0x0c, 0x56, 0x61, 0x80, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11, 0xec, 0x11,
            0xec, 0x11,
        ];
        let expected = [0xa5, 0x24, 0xd4, 0xc1, 0xed, 0x36, 0xc7, 0x87, 0x2c, 0x55];
        assert_eq!(correction(&data, 10), expected);
    }
}

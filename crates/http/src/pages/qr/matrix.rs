//! Where the modules of a code lie, and which of eight masks makes it easiest to read.

/// A square of modules.
#[derive(Clone)]
pub struct Matrix {
    side: usize,
    dark: Vec<bool>,
    /// Part of a pattern that no data and no mask touches.
    fixed: Vec<bool>,
}

impl Matrix {
    /// The code of `version` with the mask of the least penalty.
    pub fn best(version: usize, aligned: &[usize], codewords: &[u8]) -> Matrix {
        let mut plain = Matrix::patterns(version, aligned);
        plain.place(codewords);
        let masked = (0..8).map(|mask| plain.masked(mask));
        masked.min_by_key(Matrix::penalty).unwrap_or(plain)
    }

    pub fn side(&self) -> usize {
        self.side
    }

    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark[y * self.side + x]
    }

    fn fix(&mut self, x: usize, y: usize, dark: bool) {
        self.dark[y * self.side + x] = dark;
        self.fixed[y * self.side + x] = true;
    }

    /// Everything but the data; the format is written with the mask.
    fn patterns(version: usize, aligned: &[usize]) -> Matrix {
        let side = 17 + 4 * version;
        let mut matrix = Matrix {
            side,
            dark: vec![false; side * side],
            fixed: vec![false; side * side],
        };
        for n in 0..side {
            matrix.fix(n, 6, n % 2 == 0);
            matrix.fix(6, n, n % 2 == 0);
        }
        for (x, y) in [(3, 3), (side - 4, 3), (3, side - 4)] {
            matrix.rings(x, y, 4);
        }
        for x in aligned {
            for y in aligned {
                let finder =
                    (*x == 6 && (*y == 6 || *y == side - 7)) || (*x == side - 7 && *y == 6);
                if !finder {
                    matrix.rings(*x, *y, 2);
                }
            }
        }
        matrix.format(0);
        if version >= 7 {
            matrix.version(version as u32);
        }
        matrix
    }

    /// Rings around a centre: dark at distance 0, 1 and 3 of a finder pattern, at 0 and 2 of an alignment pattern.
    fn rings(&mut self, x: usize, y: usize, reach: usize) {
        for row in y.saturating_sub(reach)..=(y + reach).min(self.side - 1) {
            for column in x.saturating_sub(reach)..=(x + reach).min(self.side - 1) {
                let distance = row.abs_diff(y).max(column.abs_diff(x));
                let light = if reach == 4 {
                    [2, 4].contains(&distance)
                } else {
                    distance == 1
                };
                self.fix(column, row, !light);
            }
        }
    }

    /// Level M (00) and the mask, with their check bits, twice.
    fn format(&mut self, mask: u32) {
        let bits = with_check(mask, 10, 0x537) ^ 0x5412;
        let side = self.side;
        for n in 0..15 {
            let dark = bits >> n & 1 == 1;
            let along_corner = match n {
                0..=5 => (8, n),
                6 => (8, 7),
                7 => (8, 8),
                8 => (7, 8),
                _ => (14 - n, 8),
            };
            let at_ends = if n < 8 {
                (side - 1 - n, 8)
            } else {
                (8, side - 15 + n)
            };
            self.fix(along_corner.0, along_corner.1, dark);
            self.fix(at_ends.0, at_ends.1, dark);
        }
        self.fix(8, side - 8, true);
    }

    fn version(&mut self, version: u32) {
        let bits = with_check(version, 12, 0x1f25);
        for n in 0..18 {
            let dark = bits >> n & 1 == 1;
            let (near, far) = (n / 3, self.side - 11 + n % 3);
            self.fix(near, far, dark);
            self.fix(far, near, dark);
        }
    }

    /// Up and down in columns of two, from the right, around the upright timing pattern.
    fn place(&mut self, codewords: &[u8]) {
        let mut bits = codewords
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
        let rights = (0..self.side)
            .rev()
            .filter(|x| if *x > 6 { x % 2 == 0 } else { x % 2 == 1 });
        for (pass, right) in rights.enumerate() {
            for n in 0..self.side {
                let y = if pass % 2 == 0 { self.side - 1 - n } else { n };
                for x in [right, right - 1] {
                    let at = y * self.side + x;
                    if !self.fixed[at] {
                        self.dark[at] = bits.next().unwrap_or(false);
                    }
                }
            }
        }
    }

    fn masked(&self, mask: u32) -> Matrix {
        let mut matrix = self.clone();
        for y in 0..self.side {
            for x in 0..self.side {
                let at = y * self.side + x;
                matrix.dark[at] ^= !self.fixed[at] && flips(mask, x, y);
            }
        }
        matrix.format(mask);
        matrix
    }

    /// How hard the code is to read: long runs, blocks of one colour, what looks like a finder pattern, too much of a colour.
    fn penalty(&self) -> usize {
        let lines = (0..self.side).flat_map(|n| {
            let row: Vec<bool> = (0..self.side).map(|m| self.is_dark(m, n)).collect();
            let column: Vec<bool> = (0..self.side).map(|m| self.is_dark(n, m)).collect();
            [row, column]
        });
        let in_lines: usize = lines.map(|line| line_penalty(&line)).sum();
        let blocks = (1..self.side)
            .flat_map(|y| (1..self.side).map(move |x| (x, y)))
            .filter(|(x, y)| {
                let dark = self.is_dark(*x, *y);
                [(x - 1, *y), (*x, y - 1), (x - 1, y - 1)]
                    .iter()
                    .all(|(x, y)| self.is_dark(*x, *y) == dark)
            });
        let dark = self.dark.iter().filter(|dark| **dark).count();
        let off_balance = (dark * 20).abs_diff(self.dark.len() * 10) / self.dark.len();
        in_lines + 3 * blocks.count() + 10 * off_balance
    }
}

fn line_penalty(line: &[bool]) -> usize {
    let runs: usize = line
        .chunk_by(|a, b| a == b)
        .map(|run| if run.len() >= 5 { run.len() - 2 } else { 0 })
        .sum();
    let alike = line
        .windows(11)
        .filter(|window| *window == FINDER_LIKE || window.iter().rev().eq(FINDER_LIKE.iter()));
    runs + 40 * alike.count()
}

fn flips(mask: u32, x: usize, y: usize) -> bool {
    match mask {
        0 => (x + y).is_multiple_of(2),
        1 => y.is_multiple_of(2),
        2 => x.is_multiple_of(3),
        3 => (x + y).is_multiple_of(3),
        4 => (y / 2 + x / 3).is_multiple_of(2),
        5 => x * y % 2 + x * y % 3 == 0,
        6 => (x * y % 2 + x * y % 3).is_multiple_of(2),
        _ => ((x + y) % 2 + x * y % 3).is_multiple_of(2),
    }
}

/// `value` followed by `count` check bits of a BCH code.
fn with_check(value: u32, count: u32, generator: u32) -> u32 {
    let mut rest = value;
    for _ in 0..count {
        rest = (rest << 1) ^ ((rest >> (count - 1)) * generator);
    }
    value << count | rest
}

const FINDER_LIKE: [bool; 11] = [
    true, false, true, true, true, false, true, false, false, false, false,
];

//! A compact UCUM: enough units and its grammar to compare and combine common quantities. <https://ucum.org/ucum>
//!
//! Units with an offset or a logarithm (`Cel`, `[degF]`, `[pH]`) and arbitrary units (`[iU]`) are dimensions of their own:
//! equal among themselves, never converted.

use rust_decimal::Decimal;
use smallvec::SmallVec;

/// Longest code read, in bytes, and deepest brackets.
const CODE_BYTES_MAX: usize = 256;
const DEPTH_MAX: u8 = 16;

/// A factor and the powers of base units, sorted by base.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measure {
    pub factor: Decimal,
    powers: SmallVec<[(u16, i16); 4]>,
}

impl Measure {
    fn one() -> Self {
        Self {
            factor: Decimal::ONE,
            powers: SmallVec::new(),
        }
    }

    fn base(index: u16) -> Self {
        Self {
            factor: Decimal::ONE,
            powers: SmallVec::from_slice(&[(index, 1)]),
        }
    }

    /// Calendar months are no fixed number of days: a base of their own.
    pub fn calendar_months(count: u32) -> Self {
        Self {
            factor: Decimal::from(count),
            ..Self::base(u16::MAX)
        }
    }

    pub fn is_comparable(&self, other: &Measure) -> bool {
        self.powers == other.powers
    }

    /// `g.m-3`: the base units with their powers.
    pub fn bases(&self) -> String {
        let code = |base: u16| UNITS.get(base as usize).map_or("mo_j", |u| u.code);
        let one = |(base, power): &(u16, i16)| match power {
            1 => code(*base).to_owned(),
            power => format!("{}{power}", code(*base)),
        };
        let all: Vec<String> = self.powers.iter().map(one).collect();
        all.join(".")
    }

    fn times(mut self, other: &Measure, exponent: i16) -> Option<Measure> {
        for _ in 0..exponent.unsigned_abs() {
            self.factor = if exponent > 0 {
                self.factor.checked_mul(other.factor)?
            } else {
                self.factor.checked_div(other.factor)?
            };
        }
        for (base, power) in &other.powers {
            let added = power.checked_mul(exponent)?;
            match self.powers.binary_search_by_key(base, |p| p.0) {
                Ok(at) => {
                    self.powers[at].1 = self.powers[at].1.checked_add(added)?;
                    if self.powers[at].1 == 0 {
                        self.powers.remove(at);
                    }
                }
                Err(at) => self.powers.insert(at, (*base, added)),
            }
        }
        Some(self)
    }
}

/// `None`: not UCUM as far as this table goes, or out of range.
pub(crate) fn parse(code: &str) -> Option<Measure> {
    if code.is_empty() || code.len() > CODE_BYTES_MAX || !code.is_ascii() {
        return None;
    }
    let mut reader = Reader { text: code, at: 0 };
    let measure = reader.term(0)?;
    (reader.at == code.len()).then_some(measure)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// `kg.m/s2`, `/min`: from left to right, each `/` inverts the next component only.
    fn term(&mut self, depth: u8) -> Option<Measure> {
        if depth > DEPTH_MAX {
            return None;
        }
        let mut measure = Measure::one();
        let mut sign = 1;
        if self.peek() == Some(b'/') {
            self.at += 1;
            sign = -1;
        }
        loop {
            let (component, exponent) = self.component(depth)?;
            measure = measure.times(&component, exponent.checked_mul(sign)?)?;
            sign = match self.peek() {
                Some(b'.') => 1,
                Some(b'/') => -1,
                _ => return Some(measure),
            };
            self.at += 1;
        }
    }

    fn component(&mut self, depth: u8) -> Option<(Measure, i16)> {
        if self.peek() == Some(b'(') {
            self.at += 1;
            let inner = self.term(depth + 1)?;
            if self.peek() != Some(b')') {
                return None;
            }
            self.at += 1;
            return Some((inner, 1));
        }
        let symbol = self.symbol();
        let measure = if symbol.is_empty() {
            match self.number() {
                Some(n) => Measure {
                    factor: Decimal::from(n),
                    ..Measure::one()
                },
                // A lone annotation is dimensionless: `{cells}`.
                None if self.peek() == Some(b'{') => Measure::one(),
                None => return None,
            }
        } else {
            atom(symbol, depth)?
        };
        let exponent = if symbol.is_empty() {
            1
        } else {
            self.exponent()?
        };
        self.annotation()?;
        Some((measure, exponent))
    }

    /// Letters, brackets, `%`, `'`, `_`, and the special `10*` and `10^`.
    fn symbol(&mut self) -> &'t str {
        let rest = &self.text[self.at..];
        if rest.starts_with("10*") || rest.starts_with("10^") {
            self.at += 3;
            return "10*";
        }
        let mut bracket = false;
        let mut end = 0;
        for b in rest.bytes() {
            match b {
                b'[' => bracket = true,
                b']' => bracket = false,
                _ if bracket => {}
                b'a'..=b'z' | b'A'..=b'Z' | b'%' | b'\'' | b'_' => {}
                _ => break,
            }
            end += 1;
        }
        self.at += end;
        &rest[..end]
    }

    fn number(&mut self) -> Option<u32> {
        let rest = &self.text[self.at..];
        let len = rest.bytes().take_while(u8::is_ascii_digit).count();
        let value = rest[..len].parse().ok().filter(|n| *n > 0)?;
        self.at += len;
        Some(value)
    }

    fn exponent(&mut self) -> Option<i16> {
        let sign = match self.peek() {
            Some(b'-') => -1,
            Some(b'+') => 1,
            Some(b'0'..=b'9') => {
                return self
                    .number()
                    .and_then(|n| i16::try_from(n).ok())
                    .filter(|n| *n <= 24);
            }
            _ => return Some(1),
        };
        self.at += 1;
        let n = self
            .number()
            .and_then(|n| i16::try_from(n).ok())
            .filter(|n| *n <= 24)?;
        Some(sign * n)
    }

    fn annotation(&mut self) -> Option<()> {
        if self.peek() == Some(b'{') {
            let close = self.text[self.at..].find('}')?;
            self.at += close + 1;
        }
        Some(())
    }
}

/// A unit atom, alone or behind a metric prefix.
fn atom(symbol: &str, depth: u8) -> Option<Measure> {
    if let Some(measure) = defined(symbol, depth, false) {
        return Some(measure);
    }
    PREFIXES.iter().find_map(|(prefix, exponent)| {
        let measure = defined(symbol.strip_prefix(prefix)?, depth, true)?;
        let power = 10u64.checked_pow(exponent.unsigned_abs().into())?;
        let factor = if *exponent > 0 {
            measure.factor.checked_mul(power.into())
        } else {
            measure.factor.checked_div(power.into())
        }?;
        Some(Measure { factor, ..measure })
    })
}

fn defined(symbol: &str, depth: u8, metric_only: bool) -> Option<Measure> {
    let (index, unit) = UNITS.iter().enumerate().find(|(_, u)| u.code == symbol)?;
    if (metric_only && !unit.metric) || depth > DEPTH_MAX {
        return None;
    }
    let Some((factor, of)) = unit.definition else {
        return Some(Measure::base(index as u16));
    };
    let mut reader = Reader { text: of, at: 0 };
    let measure = reader.term(depth + 1)?;
    let factor = measure
        .factor
        .checked_mul(Decimal::from_str_exact(factor).ok()?)?;
    Some(Measure { factor, ..measure })
}

const PREFIXES: [(&str, i8); 16] = [
    ("da", 1),
    ("h", 2),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
    ("d", -1),
    ("c", -2),
    ("m", -3),
    ("u", -6),
    ("n", -9),
    ("p", -12),
    ("f", -15),
    ("a", -18),
];

struct Unit {
    code: &'static str,
    metric: bool,
    /// Factor and code in other units; `None` is a base.
    definition: Option<(&'static str, &'static str)>,
}

const fn base(code: &'static str, metric: bool) -> Unit {
    Unit {
        code,
        metric,
        definition: None,
    }
}

const fn unit(code: &'static str, metric: bool, factor: &'static str, of: &'static str) -> Unit {
    Unit {
        code,
        metric,
        definition: Some((factor, of)),
    }
}

const UNITS: &[Unit] = &[
    base("m", true),
    base("s", true),
    base("g", true),
    base("rad", true),
    base("K", true),
    base("C", true),
    base("cd", true),
    base("mol", true),
    base("Cel", true),
    base("[degF]", false),
    base("[pH]", false),
    base("[iU]", true),
    base("[arb'U]", false),
    base("[drp]", false),
    base("[hnsf'U]", false),
    base("bit", true),
    base("[CFU]", true),
    base("[GPL'U]", false),
    base("[MPL'U]", false),
    base("[APL'U]", false),
    base("[beth'U]", false),
    base("B", true),
    base("[p'diop]", false),
    unit("10*", false, "10", "1"),
    unit("%", false, "0.01", "1"),
    unit("[ppth]", false, "0.001", "1"),
    unit("[ppm]", false, "0.000001", "1"),
    unit("[ppb]", false, "0.000000001", "1"),
    unit("[pi]", false, "3.1415926535897932384626433833", "1"),
    unit("min", false, "60", "s"),
    unit("h", false, "60", "min"),
    unit("d", false, "24", "h"),
    unit("wk", false, "7", "d"),
    unit("mo", false, "30.4375", "d"),
    unit("a", false, "365.25", "d"),
    unit("Hz", true, "1", "/s"),
    unit("Bq", true, "1", "/s"),
    unit("L", true, "1", "dm3"),
    unit("l", true, "1", "dm3"),
    unit("t", true, "1000", "kg"),
    unit("ar", true, "100", "m2"),
    unit("[in_i]", false, "2.54", "cm"),
    unit("[ft_i]", false, "12", "[in_i]"),
    unit("[yd_i]", false, "3", "[ft_i]"),
    unit("[mi_i]", false, "5280", "[ft_i]"),
    unit("[in_us]", false, "2.54000508001016002032004064", "cm"),
    unit("Ao", false, "0.1", "nm"),
    unit("[lb_av]", false, "453.59237", "g"),
    unit("[oz_av]", false, "28.349523125", "g"),
    unit("[gr]", false, "64.79891", "mg"),
    unit("[dr_av]", false, "1.7718451953125", "g"),
    unit("[stone_av]", false, "14", "[lb_av]"),
    unit("[oz_tr]", false, "31.1034768", "g"),
    unit("[gal_us]", false, "3785.411784", "mL"),
    unit("[qt_us]", false, "946.352946", "mL"),
    unit("[pt_us]", false, "473.176473", "mL"),
    unit("[cup_us]", false, "236.5882365", "mL"),
    unit("[foz_us]", false, "29.5735295625", "mL"),
    unit("[tbs_us]", false, "14.78676478125", "mL"),
    unit("[tsp_us]", false, "4.92892159375", "mL"),
    unit("[cin_i]", false, "1", "[in_i]3"),
    unit("[sft_i]", false, "1", "[ft_i]2"),
    unit("N", true, "1", "kg.m/s2"),
    unit("Pa", true, "1", "N/m2"),
    unit("J", true, "1", "N.m"),
    unit("W", true, "1", "J/s"),
    unit("A", true, "1", "C/s"),
    unit("V", true, "1", "J/C"),
    unit("F", true, "1", "C/V"),
    unit("Ohm", true, "1", "V/A"),
    unit("S", true, "1", "A/V"),
    unit("T", true, "1", "V.s/m2"),
    unit("Gy", true, "1", "J/kg"),
    unit("Sv", true, "1", "J/kg"),
    unit("Ci", true, "37000000000", "Bq"),
    unit("bar", true, "100000", "Pa"),
    unit("atm", false, "101325", "Pa"),
    unit("m[H2O]", true, "9.80665", "kPa"),
    unit("m[Hg]", true, "133.322", "kPa"),
    unit("[psi]", false, "6894.757293168", "Pa"),
    unit("dyn", true, "0.00001", "N"),
    unit("erg", true, "0.0000001", "J"),
    unit("P", true, "0.1", "Pa.s"),
    unit("cal", true, "4.184", "J"),
    unit("[Cal]", false, "1", "kcal"),
    unit("eV", true, "0.0000000000000000001602176634", "J"),
    unit("eq", true, "1", "mol"),
    unit("osm", true, "1", "mol"),
    unit("kat", true, "1", "mol/s"),
    unit("U", true, "1", "umol/min"),
    unit("u", true, "0.0000000000000000000000016605", "g"),
    unit("[IU]", true, "1", "[iU]"),
    unit("deg", false, "0.0174532925199432957692369077", "rad"),
    unit("'", false, "0.0166666666666666666666666667", "deg"),
    unit("[diop]", false, "1", "/m"),
    unit("[MET]", false, "3.5", "mL/min/kg"),
    unit("By", true, "8", "bit"),
    unit("lm", true, "1", "cd"),
    unit("lx", true, "1", "lm/m2"),
    unit("[Ch]", false, "0.3333333333333333333333333333", "mm"),
    unit("[mi_us]", false, "1.609347218694437388774777550", "km"),
    unit("[kn_i]", false, "0.5144444444444444444444444444", "m/s"),
];

//! Vaccines (CVX).

use super::{CVX, Code};

/// What one dose is billed at. Cents.
pub const DOSE_CENTS: i64 = 14_052;

const fn cvx(code: &'static str, display: &'static str) -> Code {
    Code {
        system: CVX,
        code,
        display,
    }
}

pub const VACCINES: &[Code] = &[
    cvx("140", "Influenza, seasonal, injectable, preservative free"),
    cvx("140", "Influenza, seasonal, injectable, preservative free"),
    cvx(
        "113",
        "Td (adult), 5 Lf tetanus toxoid, preservative free, adsorbed",
    ),
    cvx("121", "zoster vaccine, live"),
    cvx("133", "Pneumococcal conjugate PCV 13"),
    cvx("43", "Hep B, adult"),
    cvx("114", "meningococcal MCV4P"),
    cvx("03", "MMR"),
    cvx("21", "varicella"),
    cvx("62", "HPV, quadrivalent"),
];

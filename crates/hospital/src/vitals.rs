//! Body measurements that fit a person's age.

use crate::codes::lab::{self, Test};
use crate::decimal::Decimal;
use crate::person::Person;
use crate::resource::observation::Value;
use crate::rng::Rng;

/// A full set of vital signs at `age` years: eight Observations.
pub fn set(rng: &mut Rng, person: &Person, age: i64) -> [Value<'static>; 8] {
    let height = height_mm(person, age);
    let bmi = bmi_tenths(person, age) + rng.range(-6, 6);
    // kg = BMI * m²; tenths of a kilogram from tenths of BMI and millimetres.
    let weight = bmi * height * height / 1_000_000;
    let older = (age - 40).max(0) / 3;
    let systolic = rng.range(98, 128) + older;
    let diastolic = (systolic * 62 / 100 + rng.range(-5, 6)).min(systolic - 20);
    [
        Value::Vital(&lab::HEIGHT, Decimal::new(height, 1)),
        Value::Vital(&lab::WEIGHT, Decimal::new(weight, 1)),
        Value::Vital(&lab::BMI, Decimal::new(bmi, 1)),
        Value::BloodPressure(Decimal::new(systolic, 0), Decimal::new(diastolic, 0)),
        usual(rng, &lab::HEART_RATE),
        usual(rng, &lab::RESPIRATION),
        usual(rng, &lab::TEMPERATURE),
        usual(
            rng,
            if age >= 12 {
                &lab::PAIN
            } else {
                &lab::SATURATION
            },
        ),
    ]
}

/// A laboratory value: within the usual range four times of five, else up to a fifth of the range beyond it.
pub fn result(rng: &mut Rng, test: &'static Test) -> Value<'static> {
    let beyond = if rng.chance(20) {
        (test.high - test.low) / 5
    } else {
        0
    };
    Value::Result(
        test,
        rng.decimal((test.low - beyond).max(1), test.high + beyond, test.scale),
    )
}

fn usual(rng: &mut Rng, test: &'static Test) -> Value<'static> {
    Value::Vital(test, rng.decimal(test.low, test.high, test.scale))
}

fn height_mm(person: &Person, age: i64) -> i64 {
    if age >= 18 {
        person.height_mm
    } else {
        750 + (person.height_mm - 750) * age / 18
    }
}

fn bmi_tenths(person: &Person, age: i64) -> i64 {
    if age >= 18 {
        person.bmi_tenths
    } else {
        158 + (person.bmi_tenths - 158) * age / 36
    }
}

//! Numbers as JSON writes them, exactly.

use std::cmp::Ordering;

/// A number: its digits, without zeros at either end, times a power of ten.
///
/// **Invariant:** equal numbers have equal fields, however they are written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

/// Exponents beyond it are no numbers that anybody means.
const EXPONENT_MAX: i64 = 1 << 32;

// === impl Decimal ===

impl Decimal {
    /// Reads a number in the grammar of JSON.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (number, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = whole.bytes().chain(part.bytes()).map(|it| it.checked_sub(b'0'));
        let mut digits: Vec<u8> = digits.collect::<Option<_>>()?;
        let mut exponent: i64 = power.strip_prefix('+').unwrap_or(power).parse().ok()?;
        exponent = exponent.checked_sub(i64::try_from(part.len()).ok()?)?;
        while digits.last() == Some(&0) {
            digits.pop();
            exponent = exponent.checked_add(1)?;
        }
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..zeros);
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        (exponent.abs() <= EXPONENT_MAX).then_some(Self { negative, digits, exponent })
    }

    pub(super) fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    /// As a size; `None` where it is none, or a larger one than there are.
    pub(super) fn count(&self) -> Option<usize> {
        if self.negative || !self.is_integer() {
            return None;
        }
        let zeros = u32::try_from(self.exponent).ok()?;
        self.significand()?.checked_mul(10usize.checked_pow(zeros)?)
    }

    /// Whether it is a multiple of the other; `None` where that one is no positive number, or has more
    /// digits than are reckoned with.
    pub(super) fn is_multiple_of(&self, other: &Self) -> Option<bool> {
        let unit = u128::try_from(other.significand()?).ok()?;
        if other.negative || unit == 0 {
            return None;
        }
        let power = self.exponent.checked_sub(other.exponent)?;
        let rest = |rest: u128, digit: &u8| (rest * 10 + u128::from(*digit)) % unit;
        let rest_of_digits = self.digits.iter().fold(0, rest);
        // Its last digit is not zero, so that no power of ten divides it.
        let Ok(power) = u64::try_from(power) else { return Some(self.digits.is_empty()) };
        Some((rest_of_digits * power_of_ten(power, unit)).is_multiple_of(unit))
    }

    fn significand(&self) -> Option<usize> {
        self.digits
            .iter()
            .try_fold(0usize, |all, digit| all.checked_mul(10)?.checked_add(usize::from(*digit)))
    }

    fn cmp_size(&self, other: &Self) -> Ordering {
        let places = |it: &Self| i64::try_from(it.digits.len()).unwrap_or(i64::MAX);
        let magnitude = |it: &Self| places(it).saturating_add(it.exponent);
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => {
                magnitude(self).cmp(&magnitude(other)).then_with(|| self.digits.cmp(&other.digits))
            }
        }
    }
}

/// The rest of a power of ten, by squaring. The unit is less than 2^64, so that no product overflows.
fn power_of_ten(mut power: u64, unit: u128) -> u128 {
    let (mut rest, mut square) = (1 % unit, 10 % unit);
    while power > 0 {
        if power & 1 == 1 {
            rest = rest * square % unit;
        }
        square = square * square % unit;
        power >>= 1;
    }
    rest
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.cmp_size(other),
            (true, true) => other.cmp_size(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

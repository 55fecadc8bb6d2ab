//! Which international numbers a region's numbering plan leaves as they are.
//!
//! The library reads a number with the patterns of the region it is seen from, also one that says
//! its country by a `+`: it takes an international prefix (`011`) from the beginning, and the
//! prefix of national calls (`0`) from what follows the country code. Whatever it then thinks of
//! the number, it stays as it was, unless one of those prefixes stood there. Their first digits
//! tell that without a regular expression: reading a number by the library costs some thirty
//! microseconds, and nearly every call brings one that already is as it should be.
//!
//! **Invariant:** of a number that [`leaves_alone`] names, the library makes the same one, or none.
//!
//! **Deliberately absent:** whether a number is anybody's.

use std::sync::LazyLock;

use phonenumber::metadata::DATABASE;

/// More digits have no country code.
const CODE_DIGITS_MAX: usize = 3;

/// A digit is a bit.
type Digits = u16;
const ANY: Digits = (1 << 10) - 1;

/// By country code: whether there is such a country.
static IS_CODE: LazyLock<Vec<bool>> =
    LazyLock::new(|| (0..1_000).map(|code: u16| DATABASE.by_code(&code).is_some()).collect());

/// Whether the plan of `region` changes nothing of `+` and these digits. `false` also where that
/// is not plain to see.
pub(super) fn leaves_alone(digits: &str, region: &str) -> bool {
    let is_region = region.bytes().all(|byte| byte.is_ascii_uppercase());
    let Some(plan) = DATABASE.by_id(region).filter(|_| is_region) else { return false };
    let Some(national) = national(digits) else { return false };
    let may_begin = |digits: &str, prefix: Option<&str>| {
        let first = digits.bytes().next().and_then(digit);
        first.is_none_or(|first| prefix.map_or(0, firsts) & first != 0)
    };
    let abroad = plan.international_prefix().map(|prefix| prefix.as_str());
    let at_home = plan.national_prefix_for_parsing().map(|prefix| prefix.as_str());
    !may_begin(digits, abroad)
        && !may_begin(national, at_home)
        && !may_begin(national, plan.national_prefix())
}

/// What follows the country code, if there is such a country.
fn national(digits: &str) -> Option<&str> {
    let is_code = |code: &str| code.parse().is_ok_and(|code: usize| IS_CODE[code]);
    let length = (1..=CODE_DIGITS_MAX).find(|&length| digits.get(..length).is_some_and(is_code))?;
    digits.get(length..)
}

/// The digits that a match of this pattern may begin with; [`ANY`] where it may be empty, or says
/// something that is not understood here.
fn firsts(pattern: &str) -> Digits {
    // Whether the next thing may be the first of a match: here, and in the groups around.
    let (mut is_first, mut around) = (true, Vec::new());
    let mut firsts = 0;
    let mut rest = pattern.bytes().filter(|byte| !byte.is_ascii_whitespace()).peekable();
    while let Some(byte) = rest.next() {
        let one = match byte {
            b'(' => {
                around.push(is_first);
                if rest.next_if_eq(&b'?').is_some() && rest.next() != Some(b':') {
                    return ANY;
                }
                continue;
            }
            b'|' if !is_first => {
                is_first = *around.last().unwrap_or(&true);
                continue;
            }
            b')' if !is_first => {
                let Some(was_first) = around.pop() else { return ANY };
                if was_first && rest.peek().copied().is_some_and(is_repeated) {
                    return ANY;
                }
                is_first = false;
                continue;
            }
            b'[' => class(&mut rest),
            b'\\' => rest.next_if_eq(&b'd').map(|_| ANY),
            _ => digit(byte),
        };
        match one {
            Some(_) if is_first && rest.peek().copied().is_some_and(is_repeated) => return ANY,
            Some(one) if is_first => (firsts, is_first) = (firsts | one, false),
            Some(_) => {}
            None if is_first => return ANY,
            None if is_repeated(byte) || b",}$".contains(&byte) => {}
            None => return ANY,
        }
    }
    if is_first || !around.is_empty() { ANY } else { firsts }
}

/// The digits of a class such as `[2-46]`, behind its bracket.
fn class(rest: &mut impl Iterator<Item = u8>) -> Option<Digits> {
    let (mut digits, mut last, mut is_range) = (0, 0, false);
    for byte in rest {
        match (byte, digit(byte)) {
            (b']', _) => return Some(digits).filter(|_| !is_range),
            (b'-', _) if last > 0 => is_range = true,
            // All from the lower bit to the higher.
            (_, Some(one)) if is_range && one >= last => {
                (digits, last, is_range) = (digits | ((one << 1) - last), 0, false);
            }
            (_, Some(one)) if !is_range => (digits, last) = (digits | one, one),
            _ => return None,
        }
    }
    None
}

/// Whether this says how often what stands before it comes.
fn is_repeated(byte: u8) -> bool {
    b"?*+{".contains(&byte)
}

fn digit(byte: u8) -> Option<Digits> {
    byte.is_ascii_digit().then(|| 1 << (byte - b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::number::parsed;

    /// All regions of the library that have a plan.
    static REGIONS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let letters = || 'A'..='Z';
        let all = letters().flat_map(|one| letters().map(move |two| format!("{one}{two}")));
        all.filter(|region| DATABASE.by_id(region.as_str()).is_some()).collect()
    });

    #[test]
    fn every_region_with_a_plan_is_one_that_the_library_reads_from() {
        assert!(REGIONS.len() > 240, "{} regions have a plan", REGIONS.len());
        for region in REGIONS.iter() {
            assert!(region.parse::<phonenumber::country::Id>().is_ok(), "{region}");
        }
    }

    #[test]
    fn the_first_digits_of_a_pattern_are_all_that_it_may_begin_with() {
        let of = |digits: &[u8]| digits.iter().fold(0, |all, digit| all | 1 << digit);
        for (pattern, want) in [
            ("011", of(&[0])),
            ("0|80?", of(&[0, 8])),
            ("[08]", of(&[0, 8])),
            ("([2-46-8]\\d{6})$|1", of(&[1, 2, 3, 4, 6, 7, 8])),
            ("\n (?:\n 0|\n 90\n )(?:(1[245])(\\d{10,11}))?", of(&[0, 9])),
            ("(?:0|1(?:1[0-69]|69)|8)0", of(&[0, 1, 8])),
            ("0?(?:(11)15)?", ANY),
            ("(?:0|)1", ANY),
            ("(?:0)?1", ANY),
            ("[08]*1", ANY),
            ("\\d", ANY),
            ("^0", ANY),
            ("[^0]", ANY),
            ("(?=0)", ANY),
            ("1(", ANY),
            ("", ANY),
        ] {
            assert_eq!(firsts(pattern), want, "{pattern:?}");
        }
    }

    /// As many numbers as it may be. Where a plan has a national prefix, a number that goes on with
    /// it after the country code is left to the library.
    #[test]
    fn what_calls_bring_is_left_alone_in_most_regions() {
        let numbers =
            ["14155550123", "442079460018", "493023125000", "33142685300", "8613800138000"];
        for (region, count) in [("US", 3), ("GB", 3), ("DE", 5), ("FR", 5), ("ES", 5), ("SG", 5)] {
            let alone = numbers.iter().filter(|number| leaves_alone(number, region)).count();
            assert!(alone >= count, "{region}: {alone}");
        }
        assert!(!leaves_alone("14155550123", "XX"), "no region");
        assert!(!leaves_alone("99955550123", "US"), "no country");
        assert!(!leaves_alone("0014155550123", "US"));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            cases: 4_000,
            ..ProptestConfig::default()
        })]
        #[test]
        fn a_number_that_is_left_alone_is_what_the_library_makes_of_it(
            code in prop_oneof![
                Just(String::new()), "[1-9]", "[1-9][0-9]", "[1-9][0-9]{2}",
                prop_oneof!["1", "7", "44", "49", "39", "54", "55", "86", "61", "358", "376"],
            ],
            rest in prop_oneof!["[0-9]{4,14}", "0[0-9]{4,12}", "1[0-9]{5,12}", "8[0-9]{5,12}"],
            at in any::<proptest::sample::Index>(),
        ) {
            let digits = format!("{code}{rest}");
            let region = at.get(&REGIONS);
            if leaves_alone(&digits, region) {
                let number = format!("+{digits}");
                let made = parsed(&number, region);
                prop_assert!(made.is_none() || made == Some(number.clone()), "{region}: {made:?}");
            }
        }
    }

    /// Numbers that are in use: the example of each region, seen from each other.
    #[test]
    fn every_regions_own_numbers_are_seen_alike_from_all_regions() {
        let examples = REGIONS.iter().filter_map(|region| {
            let plan = DATABASE.by_id(region.as_str())?;
            let descriptors = plan.descriptors();
            let some = [descriptors.fixed_line(), descriptors.mobile(), descriptors.toll_free()];
            let national = some.into_iter().flatten().filter_map(|kind| kind.example());
            let code = plan.country_code();
            Some(national.map(|national| format!("{code}{national}")).collect::<Vec<_>>())
        });
        let examples: Vec<String> = examples.flatten().collect();
        assert!(examples.len() > 600, "{} examples", examples.len());
        let (mut alone, mut seen) = (0, 0);
        for (n, digits) in examples.iter().enumerate() {
            // Each is seen from some, and all see some.
            for region in REGIONS.iter().skip(n % 31).step_by(31) {
                seen += 1;
                if leaves_alone(digits, region) {
                    alone += 1;
                    let number = format!("+{digits}");
                    let made = parsed(&number, region);
                    assert!(made.is_none() || made.as_ref() == Some(&number), "{region}: {made:?}");
                }
            }
        }
        assert!(alone * 10 > seen * 7, "{alone} of {seen}");
    }
}

//! Which form of an error a caller prefers.

/// Whether an `Accept` header ranks `application/problem+json` above `application/json`.
pub(crate) fn prefers_problem(accept: &str) -> bool {
    rank(accept, "application/problem+json") > rank(accept, "application/json")
}

/// The weight of a type in thousandths, by the most specific range that names it.
fn rank(accept: &str, wanted: &str) -> u32 {
    let ranges = accept.split(',').filter_map(|range| {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        let precision = match name.trim() {
            name if name.eq_ignore_ascii_case(wanted) => 3,
            name if name.eq_ignore_ascii_case("application/*") => 2,
            "*/*" => 1,
            _ => return None,
        };
        Some((precision, weight(parameters)))
    });
    ranges.max_by_key(|(precision, _)| *precision).map_or(0, |(_, weight)| weight)
}

/// `q=0.8` in thousandths; one where it is not said, nothing where it cannot be read.
fn weight(parameters: &str) -> u32 {
    let said = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then_some(value.trim())
    });
    let Some(said) = said else { return 1000 };
    match said.split_once('.').unwrap_or((said, "")) {
        ("1", _) => 1000,
        ("0", digits) => format!("{digits:0<3.3}").parse().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::prefers_problem;

    #[test]
    fn the_problem_form_must_be_ranked_strictly_higher() {
        for (accept, problem) in [
            ("application/problem+json", true),
            ("application/problem+json, application/json;q=0.9", true),
            ("application/json;q=0.85, Application/Problem+JSON;q=0.9", true),
            ("application/problem+json, */*;q=0.1", true),
            ("application/problem+json, application/json", false),
            ("application/json, application/problem+json;q=0.5", false),
            ("application/problem+json;q=0, */*", false),
            ("application/problem+json;q=0.5, */*", false),
            ("application/*", false),
            ("*/*", false),
            ("text/html", false),
            ("", false),
        ] {
            assert_eq!(prefers_problem(accept), problem, "{accept}");
        }
    }
}

//! Keys in camelCase and snake_case: one known name stands for both.

/// How names are told to the operator: as the format they wrote has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `metricSelector`
    Camel,
    /// `metric_selector`
    Snake,
}

impl Style {
    /// A known camelCase name as this style writes it.
    pub fn write(self, name: &str) -> String {
        match self {
            Self::Camel => name.to_owned(),
            Self::Snake => snake(name).collect(),
        }
    }
}

/// Whether a written key is the known camelCase name, in either style.
pub fn same(written: &str, name: &str) -> bool {
    written == name || snake(name).eq(written.chars())
}

/// `metricSelector` as `metric_selector`.
fn snake(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(|c| {
        let underscore = c.is_ascii_uppercase().then_some('_');
        underscore.into_iter().chain(std::iter::once(c.to_ascii_lowercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_are_the_name_and_nothing_else_is() {
        for written in ["metricSelector", "metric_selector"] {
            assert!(same(written, "metricSelector"), "{written}");
        }
        for written in ["metricselector", "MetricSelector", "metric_Selector", "metric", ""] {
            assert!(!same(written, "metricSelector"), "{written}");
        }
        assert_eq!(Style::Snake.write("caFile"), "ca_file");
        assert_eq!(Style::Camel.write("caFile"), "caFile");
    }
}

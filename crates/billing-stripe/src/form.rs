//! Stripe's form encoding, in bodies and in queries: `line_items[0][price]=price_1`.

use std::fmt::Display;

/// Parameters, encoded. Names are written out with their brackets, which stay bare.
#[derive(Clone, Default)]
pub(crate) struct Form(String);

impl Form {
    /// No parameters.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Parameters that ask for linked objects to come whole.
    pub(crate) fn expanding(paths: &[&str]) -> Self {
        paths
            .iter()
            .enumerate()
            .fold(Self::new(), |form, (at, path)| form.with(&format!("expand[{at}]"), path))
    }

    /// One more parameter.
    pub(crate) fn with(mut self, name: &str, value: impl Display) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(form_urlencoded::byte_serialize(value.to_string().as_bytes()));
        self
    }

    /// One more parameter, if there is a value: an empty one would clear the field.
    pub(crate) fn with_some(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The encoded text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_brackets_and_values_are_encoded() {
        let form = Form::new()
            .with("metadata[a]", "x&y=z ü")
            .with("line_items[0][quantity]", 1)
            .with("automatic_tax[enabled]", true)
            .with_some("email", None::<&str>)
            .with_some("name", Some("{ID}"));
        assert_eq!(
            form.as_str(),
            "metadata[a]=x%26y%3Dz+%C3%BC&line_items[0][quantity]=1&automatic_tax[enabled]=true\
             &name=%7BID%7D"
        );
    }

    #[test]
    fn lists_of_scalars_have_indices() {
        assert_eq!(Form::expanding(&["a", "b.c"]).as_str(), "expand[0]=a&expand[1]=b.c");
    }
}

//! The parameters of a request, checked against what its endpoint takes.

use serde_json::{Map, Value};

use super::{
    form::{Node, bracketed},
    refusal::Refusal,
};

/// Parameters, or the part of them under one parameter.
#[derive(Clone)]
pub(crate) struct Params<'a> {
    node: &'a Node,
    /// The name of the parameter this part is under, empty for the whole.
    under: String,
}

impl<'a> Params<'a> {
    pub(crate) fn new(node: &'a Node) -> Self {
        Self { node, under: String::new() }
    }

    /// Refuses every parameter that is not listed. In a listed path `[]` stands for an index and
    /// `*` for any key; `expand[]` is always taken.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        for (path, text) in self.node.leaves() {
            let listed = known.iter().chain(["expand.[]"].iter());
            if !listed.into_iter().any(|pattern| matches(pattern, &path, text)) {
                return Err(Refusal::unknown_param(bracketed(&path)));
            }
        }
        Ok(())
    }

    /// The text of a parameter. An empty text is how a caller clears a field.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        match self.node.get(name) {
            Some(Node::Text(text)) => Some(text),
            Some(Node::Map(_)) | None => None,
        }
    }

    /// The text of a parameter that has to be there and may not be empty.
    pub(crate) fn required(&self, name: &str) -> Result<&'a str, Refusal> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| self.missing(name))
    }

    /// A text that is one of a few words.
    pub(crate) fn one_of(&self, name: &str, words: &[&str]) -> Result<Option<&'a str>, Refusal> {
        match self.text(name) {
            Some(text) if !words.contains(&text) => {
                let message =
                    format!("Invalid {}: must be one of {}", self.name(name), words.join(", "));
                Err(Refusal::param(self.name(name), message))
            }
            text => Ok(text),
        }
    }

    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            Refusal::param(self.name(name), format!("Invalid integer: {text}"))
                .code("parameter_invalid_integer")
        })
    }

    /// A number within bounds.
    pub(crate) fn int_within(
        &self,
        name: &str,
        bounds: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>, Refusal> {
        match self.int(name)? {
            Some(number) if !bounds.contains(&number) => {
                let message = format!(
                    "Invalid {}: must be between {} and {}",
                    self.name(name),
                    bounds.start(),
                    bounds.end()
                );
                Err(Refusal::param(self.name(name), message))
            }
            number => Ok(number),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name) {
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(text) => Err(Refusal::param(self.name(name), format!("Invalid boolean: {text}"))),
            None => Ok(None),
        }
    }

    /// An absolute http or https address.
    pub(crate) fn web_address(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let Some(text) = self.text(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        match reqwest::Url::parse(text) {
            Ok(url) if ["http", "https"].contains(&url.scheme()) => Ok(Some(text)),
            Ok(_) | Err(_) => {
                Err(Refusal::param(self.name(name), "Not a valid URL").code("url_invalid"))
            }
        }
    }

    /// The parameters under a parameter.
    pub(crate) fn child(&self, name: &str) -> Option<Params<'a>> {
        let node = self.node.get(name).filter(|node| matches!(node, Node::Map(_)))?;
        Some(Params { node, under: self.name(name) })
    }

    /// The elements of a list of objects.
    pub(crate) fn elements(&self, name: &str) -> Vec<Params<'a>> {
        let Some(list) = self.child(name) else { return Vec::new() };
        list.indices().into_iter().filter_map(|index| list.child(index)).collect()
    }

    /// The elements of a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Vec<&'a str> {
        let Some(list) = self.child(name) else { return Vec::new() };
        list.indices().into_iter().filter_map(|index| list.text(index)).collect()
    }

    fn indices(&self) -> Vec<&'a str> {
        let Node::Map(map) = self.node else { return Vec::new() };
        let mut indices: Vec<&str> = map.keys().map(String::as_str).collect();
        indices.sort_by_key(|index| index.parse::<u64>().unwrap_or(u64::MAX));
        indices
    }

    /// Merges `metadata` into what an object has: an empty value takes a key away, an empty
    /// `metadata` takes all of them.
    pub(crate) fn metadata(&self, into: &mut Value) -> Result<(), Refusal> {
        match self.node.get("metadata") {
            None => return Ok(()),
            Some(Node::Text(_)) => *into = Value::Object(Map::new()),
            Some(Node::Map(changes)) => {
                if !into.is_object() {
                    *into = Value::Object(Map::new());
                }
                let Some(metadata) = into.as_object_mut() else { return Ok(()) };
                for (key, value) in changes {
                    let Node::Text(text) = value else { continue };
                    self.check_metadata(key, text)?;
                    if text.is_empty() {
                        metadata.remove(key);
                    } else {
                        metadata.insert(key.clone(), Value::from(text.as_str()));
                    }
                }
            }
        }
        if into.as_object().is_some_and(|metadata| metadata.len() > 50) {
            let message = "You may only specify up to 50 metadata keys.";
            return Err(Refusal::param(self.name("metadata"), message));
        }
        Ok(())
    }

    fn check_metadata(&self, key: &str, text: &str) -> Result<(), Refusal> {
        let name = || format!("{}[{key}]", self.name("metadata"));
        if key.chars().count() > 40 {
            return Err(Refusal::param(name(), "Metadata keys can have up to 40 characters."));
        }
        if text.chars().count() > 500 {
            return Err(Refusal::param(name(), "Metadata values can have up to 500 characters."));
        }
        Ok(())
    }

    /// The full name of a parameter in this part: `line_items[0][price_data][currency]`.
    pub(crate) fn name(&self, name: &str) -> String {
        if self.under.is_empty() { name.to_owned() } else { format!("{}[{name}]", self.under) }
    }

    pub(crate) fn missing(&self, name: &str) -> Refusal {
        Refusal::missing(self.name(name))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.node.get(name).is_some()
    }
}

/// Whether a path is listed. The start of a listed path may be given empty, to clear what is
/// under it.
fn matches(pattern: &str, path: &[&str], text: &str) -> bool {
    let mut wanted = pattern.split('.');
    for part in path {
        let fits = match wanted.next() {
            None => false,
            Some("*") => true,
            Some("[]") => part.parse::<u64>().is_ok(),
            Some(word) => word == *part,
        };
        if !fits {
            return false;
        }
    }
    wanted.next().is_none() || text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_listed_parameters_are_taken() {
        let known = ["email", "metadata.*", "line_items.[].price_data.currency"];
        let check = |form: &str| {
            let node = Node::decode(form.as_bytes()).unwrap();
            Params::new(&node).only(&known).map_err(|refusal| refusal.body())
        };
        assert!(check("metadata=&line_items[0][price_data][currency]=usd").is_ok());
        let refused = check("line_items[0][price_data][curency]=usd").unwrap_err();
        assert_eq!(refused["error"]["param"], "line_items[0][price_data][curency]");
        assert_eq!(refused["error"]["code"], "parameter_unknown");
        assert!(check("email[x]=a").is_err());
        assert!(check("line_items[x][price_data][currency]=usd").is_err());
    }

    #[test]
    fn metadata_is_merged_and_cleared() {
        let mut metadata = json!({"a": "1", "b": "2"});
        let node = Node::decode(b"metadata[a]=&metadata[c]=3").unwrap();
        Params::new(&node).metadata(&mut metadata).unwrap();
        assert_eq!(metadata, json!({"b": "2", "c": "3"}));
        let node = Node::decode(b"metadata=").unwrap();
        Params::new(&node).metadata(&mut metadata).unwrap();
        assert_eq!(metadata, json!({}));
    }
}

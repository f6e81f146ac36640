//! Stripe's form encoding: `a[b][0][c]=value`, decoded strictly.

use std::collections::BTreeMap;

use super::refusal::Refusal;

const FIELDS_MAX: usize = 1000;
const DEPTH_MAX: usize = 10;

/// A decoded form. A list is a map with numbers for keys, because only the endpoint knows whether
/// a number is an index or a key of `metadata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Text(String),
    Map(BTreeMap<String, Node>),
}

impl Node {
    pub(crate) fn empty() -> Self {
        Self::Map(BTreeMap::new())
    }

    /// Decodes a body or a query.
    pub(crate) fn decode(form: &[u8]) -> Result<Self, Refusal> {
        let mut root = BTreeMap::new();
        for (count, field) in form.split(|byte| *byte == b'&').enumerate() {
            if field.is_empty() {
                continue;
            }
            if count >= FIELDS_MAX {
                return Err(Refusal::invalid("The request has too many parameters."));
            }
            let (name, value) = pair(field)?;
            let path = parts(&name)?;
            insert(&mut root, &path, value, &name)?;
        }
        Ok(Self::Map(root))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(key),
            Self::Text(_) => None,
        }
    }

    /// Every value with the path that leads to it.
    pub(crate) fn leaves(&self) -> Vec<(Vec<&str>, &str)> {
        let mut leaves = Vec::new();
        self.collect(&mut Vec::new(), &mut leaves);
        leaves
    }

    fn collect<'a>(&'a self, path: &mut Vec<&'a str>, into: &mut Vec<(Vec<&'a str>, &'a str)>) {
        match self {
            Self::Text(text) => into.push((path.clone(), text)),
            Self::Map(map) => {
                for (key, node) in map {
                    path.push(key);
                    node.collect(path, into);
                    path.pop();
                }
            }
        }
    }
}

/// The bracketed name of a path: `line_items[0][price]`.
pub(crate) fn bracketed(path: &[&str]) -> String {
    let mut name = String::new();
    for (at, part) in path.iter().enumerate() {
        if at == 0 {
            name.push_str(part);
        } else {
            name.push('[');
            name.push_str(part);
            name.push(']');
        }
    }
    name
}

fn pair(field: &[u8]) -> Result<(String, String), Refusal> {
    let mut halves = field.splitn(2, |byte| *byte == b'=');
    let mut half = || text(halves.next().unwrap_or_default());
    Ok((half()?, half()?))
}

/// Percent-decodes. Unlike the usual decoder it refuses what is not UTF-8 instead of mending it.
fn text(encoded: &[u8]) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
                let code =
                    digit().zip(digit()).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                code.ok_or_else(|| Refusal::invalid("The form has a broken percent-encoding."))?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).map_err(|_| Refusal::invalid("Invalid UTF-8 in the form."))
}

/// `a[b][0]` is `a`, `b`, `0`.
fn parts(name: &str) -> Result<Vec<&str>, Refusal> {
    let malformed = || Refusal::param(name, format!("Invalid parameter name: {name}"));
    let Some((head, mut rest)) = name.split_once('[').map(|(head, _)| name.split_at(head.len()))
    else {
        return if name.is_empty() { Err(malformed()) } else { Ok(vec![name]) };
    };
    let mut path = vec![head];
    while !rest.is_empty() {
        let (part, after) = rest
            .strip_prefix('[')
            .and_then(|inner| inner.split_once(']'))
            .filter(|(part, _)| !part.contains('['))
            .ok_or_else(malformed)?;
        path.push(part);
        rest = after;
    }
    if head.is_empty() || path.len() > DEPTH_MAX { Err(malformed()) } else { Ok(path) }
}

fn insert(
    map: &mut BTreeMap<String, Node>,
    path: &[&str],
    value: String,
    name: &str,
) -> Result<(), Refusal> {
    let Some((part, rest)) = path.split_first() else { return Ok(()) };
    let key = if part.is_empty() { open_index(map, rest.first()) } else { (*part).to_owned() };
    let twice = || Refusal::param(name, format!("The parameter {name} was given twice."));
    if rest.is_empty() {
        return match map.insert(key, Node::Text(value)) {
            None => Ok(()),
            Some(_) => Err(twice()),
        };
    }
    match map.entry(key).or_insert_with(Node::empty) {
        Node::Map(inner) => insert(inner, rest, value, name),
        Node::Text(_) => Err(twice()),
    }
}

/// Which element `[]` means: as the last part the next one; before another key the last one,
/// unless that element has the key already.
fn open_index(map: &BTreeMap<String, Node>, next_key: Option<&&str>) -> String {
    let last = map.len().checked_sub(1).map(|last| last.to_string());
    let unfinished = last.filter(|last| {
        let element = map.get(last);
        next_key.is_some_and(|key| element.is_some_and(|element| element.get(key).is_none()))
    });
    unfinished.unwrap_or_else(|| map.len().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(form: &str) -> Vec<(String, String)> {
        let node = Node::decode(form.as_bytes()).unwrap();
        let leaves = node.leaves();
        leaves.into_iter().map(|(path, text)| (bracketed(&path), text.to_owned())).collect()
    }

    #[test]
    fn objects_indices_and_empty_brackets_decode() {
        assert_eq!(
            leaves(
                "email=a%40b.c&line_items[0][price]=p+1&expand[]=x&expand[]=y&l[][a]=1&l[][b]=2&l[][a]=3"
            ),
            [
                ("email", "a@b.c"),
                ("expand[0]", "x"),
                ("expand[1]", "y"),
                ("l[0][a]", "1"),
                ("l[0][b]", "2"),
                ("l[1][a]", "3"),
                ("line_items[0][price]", "p 1"),
            ]
            .map(|(path, text)| (path.to_owned(), text.to_owned()))
        );
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for form in ["a=1&a=2", "a=1&a[b]=2", "a[b=1", "a]b[=1&a[[b]]=1", "=1", "a=%f", "a=%ff"] {
            assert!(Node::decode(form.as_bytes()).is_err(), "{form}");
        }
    }
}

//! Events of the YAML parser become a tree; the limits hold on the way.

use super::{Entry, Node, Position, Value, YamlError};
use granit_parser::{Event, Marker, Parser, ScalarStyle};
use std::collections::HashMap;

/// The largest text that is read.
pub const MAX_BYTES: usize = 10 << 20;
/// The deepest nesting that is read; the deepest key of a scrape configuration lies at 11.
pub const MAX_DEPTH: usize = 64;
/// The most nodes a tree may have, those that aliases repeat included; 10 000 targets have about 300 000.
pub const MAX_NODES: usize = 1_000_000;

/// Reads a text of one document; an empty one is [`Value::Null`].
///
/// # Errors
/// The first breach of YAML's rules or of a limit.
pub fn parse(text: &str) -> Result<Node, YamlError> {
    if text.len() > MAX_BYTES {
        let (size, most) = (text.len(), crate::size::format(MAX_BYTES as u64));
        return Err(error(Position::default(), format!("{size} bytes are more than the {most} that are read")));
    }
    let mut composer = Composer::default();
    for event in Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        let (event, span) = event.map_err(|e| error(position(e.marker()), format!("not YAML: {}", e.info())))?;
        composer.take(event, position(&span.start))?;
    }
    Ok(composer.root.unwrap_or(Node { at: Position { line: 1, column: 1 }, value: Value::Null }))
}

/// The tree under construction.
#[derive(Default)]
struct Composer {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    documents: usize,
}

/// A collection whose end has not come yet.
struct Open {
    at: Position,
    anchor: usize,
    /// Nodes there were when it began.
    before: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Vec<Entry>, Option<(Box<str>, Position)>),
}

/// A node that aliases may repeat.
struct Anchored {
    node: Node,
    nodes: usize,
}

impl Composer {
    fn take(&mut self, event: Event<'_>, at: Position) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain || tag.as_ref().is_some_and(|tag| tag.suffix() == "str");
                let null = !is_text && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Scalar(text.into()) };
                self.count(1, at)?;
                self.finish(Node { at, value }, anchor, 1)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Content::List(Vec::new()), anchor, at),
            Event::MappingStart(_, anchor, _) => self.begin(Content::Map(Vec::new(), None), anchor, at),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.repeat(anchor, at),
            Event::DocumentStart(..) => self.document(at),
            _ => Ok(()),
        }
    }

    fn document(&mut self, at: Position) -> Result<(), YamlError> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(error(at, "a second document begins here; one file holds one".to_owned()));
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(error(at, format!("more than {MAX_NODES} values, aliases counted as what they repeat")));
        }
        Ok(())
    }

    fn begin(&mut self, content: Content, anchor: usize, at: Position) -> Result<(), YamlError> {
        if self.open.len() == MAX_DEPTH {
            return Err(error(at, format!("nested more than {MAX_DEPTH} deep")));
        }
        let before = self.nodes;
        self.count(1, at)?;
        self.open.push(Open { at, anchor, before, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlError> {
        let Some(Open { at, anchor, before, content }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map(entries, _) => Value::Map(merged(entries)?),
        };
        self.finish(Node { at, value }, anchor, self.nodes - before)
    }

    /// A node is whole: it is kept for its aliases and handed to the collection it lies in.
    fn finish(&mut self, node: Node, anchor: usize, nodes: usize) -> Result<(), YamlError> {
        if anchor > 0 {
            self.count(nodes, node.at)?; // the copy that waits for aliases takes memory too
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes });
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(entries, key)) => match key.take() {
                Some((key, at)) => entries.push(Entry { key, at, value: node }),
                None => *key = Some(key_of(node)?),
            },
        }
        Ok(())
    }

    fn repeat(&mut self, anchor: usize, at: Position) -> Result<(), YamlError> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(error(at, "this alias lies inside what it repeats".to_owned()));
        };
        let nodes = anchored.nodes;
        self.count(nodes, at)?;
        let node = self.anchors[&anchor].node.clone();
        self.finish(node, 0, nodes)
    }
}

/// A mapping's key: a scalar, nothing else.
fn key_of(node: Node) -> Result<(Box<str>, Position), YamlError> {
    match node.value {
        Value::Scalar(text) => Ok((text, node.at)),
        Value::Null => Ok(("".into(), node.at)),
        other => Err(error(node.at, format!("a key must be a text, this is {}", other.kind()))),
    }
}

/// Resolves `<<: *base`: keys of the base that the mapping does not have itself.
fn merged(entries: Vec<Entry>) -> Result<Vec<Entry>, YamlError> {
    if !entries.iter().any(|entry| &*entry.key == "<<") {
        return Ok(entries);
    }
    let (bases, mut own): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| &*entry.key == "<<");
    for base in bases {
        for entry in base_entries(base)? {
            if !own.iter().any(|mine| mine.key == entry.key) {
                own.push(entry);
            }
        }
    }
    Ok(own)
}

/// The entries of a merge's base: a mapping, or a list of them of which the first one wins.
fn base_entries(base: Entry) -> Result<Vec<Entry>, YamlError> {
    let nodes = match base.value.value {
        Value::Map(entries) => return Ok(entries),
        Value::List(nodes) => nodes,
        other => return Err(error(base.at, format!("<< takes a mapping, this is {}", other.kind()))),
    };
    let entries = nodes.into_iter().map(|node| match node.value {
        Value::Map(entries) => Ok(entries),
        other => Err(error(node.at, format!("<< takes mappings, this is {}", other.kind()))),
    });
    Ok(entries.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn position(marker: &Marker) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(marker.line()), column: number(marker.col()).saturating_add(1) }
}

fn error(at: Position, what: String) -> YamlError {
    YamlError { at, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree as one line: `{key@line:column=value …}`.
    fn show(node: &Node) -> String {
        match &node.value {
            Value::Null => "~".into(),
            Value::Scalar(text) => format!("{text:?}"),
            Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
            Value::Map(entries) => {
                let entry = |e: &Entry| format!("{}@{}:{}={}", e.key, e.at.line, e.at.column, show(&e.value));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn read(text: &str) -> String {
        parse(text).map_or_else(|e| e.to_string(), |node| show(&node))
    }

    #[test]
    fn every_key_knows_its_place_and_scalars_stay_texts() {
        assert_eq!(
            read("a: 1.10\nb:\n  - x: 0x1F\n    y: 'on'\n  - ~\nc: {d: [1, \"\"]}\ne:\n"),
            r#"{a@1:1="1.10" b@2:1=[{x@3:5="0x1F" y@4:5="on"} ~] c@6:1={d@6:5=["1" ""]} e@7:1=~}"#
        );
        assert_eq!(read("\u{feff}한글: 값 # 주석\n"), "{한글@1:1=\"값\"}");
        assert_eq!(read("a: !!str null\r\nb: |\r\n  x\r\n"), "{a@1:1=\"null\" b@2:1=\"x\\n\"}");
        assert_eq!(read(""), "~");
        assert_eq!(read("# only a comment\n"), "~");
    }

    #[test]
    fn aliases_and_merges_repeat_what_they_name() {
        assert_eq!(read("a: &x [1]\nb: *x\n"), r#"{a@1:1=["1"] b@2:1=["1"]}"#);
        assert_eq!(
            read("base: &b {x: 1, y: 2}\nt:\n  <<: *b\n  y: 3\n"),
            r#"{base@1:1={x@1:11="1" y@1:17="2"} t@2:1={y@4:3="3" x@1:11="1"}}"#
        );
        assert_eq!(read("t: {<<: [{x: 1}, {x: 2, z: 3}]}"), r#"{t@1:1={x@1:11="1" z@1:25="3"}}"#);
    }

    #[test]
    fn what_is_not_one_sound_document_is_refused_with_its_place() {
        for (text, message) in [
            ("a: [1\nb: 2\n", "line 2 column"),
            ("a: 1\n b: 2\n", "line 2 column"),
            ("a:\n\tb: 1\n", "line 2 column"),
            ("a: *nowhere\n", "line 1 column 4"),
            ("a: &x [*x]\n", "this alias lies inside what it repeats"),
            ("a: 1\n---\nb: 2\n", "line 2 column 1: a second document begins here"),
            ("[a]: 1\n", "a key must be a text, this is a list"),
            ("<<: 1\n", "line 1 column 1: << takes a mapping, this is a text"),
            ("{---", "line"),
        ] {
            assert!(read(text).contains(message), "{text:?}: {}", read(text));
        }
    }

    #[test]
    fn bombs_are_refused_before_they_take_memory() {
        let mut laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..10 {
            let name = format!("*a{},", i - 1).repeat(10);
            laughs.push_str(&format!("a{i}: &a{i} [{name}]\n"));
        }
        for (text, message) in [
            (laughs, "more than 1000000 values"),
            ("[".repeat(9 << 20), "recursion limit exceeded"),
            ("{a: ".repeat(2 << 20), "recursion limit exceeded"),
            ("- ".repeat(5 << 20), "nested more than 64 deep"),
            (format!("[{}]", "1,".repeat(4 << 20)), "more than 1000000 values"),
            (" ".repeat(MAX_BYTES + 1), "bytes are more than the 10 MiB that are read"),
        ] {
            let shown = read(&text);
            assert!(shown.contains(message), "{text:.40}: {shown:.200}");
        }
    }
}

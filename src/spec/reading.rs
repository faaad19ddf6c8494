//! Reads a spec with the specs it extends, and collects all errors.

use std::path::Path;

use super::compose::{Base, plain_name};
use super::node::{Format, Node};
use super::{SPEC_VERSION, Spec, compose, decode, document, foreign};
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};

/// The result of reading a spec: everything that could be read, and all errors.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The typed spec without the entries that have errors.
    pub spec: Option<Spec>,
    /// The complete tree, including the names of entries with errors.
    pub tree: Node,
    /// The tree of the file itself, before `extends` and `[matrix]`.
    own: Node,
    /// The tree laid over the spec, if any.
    asked: Option<Node>,
    /// The specs it extends, nearest first.
    pub bases: Vec<Base>,
    /// The errors.
    pub problems: Vec<Diagnostic>,
}

impl Reading {
    /// A diagnostic with the position at which its subject is written, and the path of the base if a base writes it.
    pub fn placed(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let (Place::Key(path) | Place::Value(path) | Place::Inside(path, _)) = &mut diagnostic.place else {
            return diagnostic;
        };
        if self.is_asked(path) {
            diagnostic.place = Place::Question;
            return diagnostic;
        }
        let (written, base) = compose::written(path, &self.own, &self.bases);
        *path = written;
        diagnostic.file = base.map(|base| base.path.clone());
        diagnostic
    }

    /// Whether an entry is one of those that are laid over the spec.
    fn is_asked(&self, path: &SpecPath) -> bool {
        let [Step::Key(table), Step::Key(name), ..] = path.0.as_slice() else { return false };
        self.asked
            .as_ref()
            .is_some_and(|asked| asked.get(table).is_some_and(|entries| entries.get(plain_name(name)).is_some()))
    }
}

/// Reads a spec without following `extends`, and collects all errors.
pub fn read(bytes: &[u8], format: Format) -> Reading {
    let name = if format == Format::Yaml { "spec.yaml" } else { "spec.toml" };
    read_at(bytes, Path::new(name))
}

/// Reads the spec at a path together with the specs it extends, and collects all errors.
pub fn read_at(bytes: &[u8], path: &Path) -> Reading {
    read_over(bytes, path, None)
}

/// Like [`read_at`], with another tree laid over the spec before matrices are expanded.
pub fn read_over(bytes: &[u8], path: &Path, more: Option<&Node>) -> Reading {
    let composed = document::text_of(bytes)
        .and_then(|text| document::read(text, Format::of_path(path)))
        .and_then(|own| Ok((own.clone(), compose::extended(own, path)?)));
    let (own, (tree, bases)) = match composed {
        Ok(composed) => composed,
        Err(problems) => {
            let problems = foreign::error(bytes, path).map_or(problems, |error| vec![error]);
            let empty = Node::Table(Vec::new());
            return Reading { spec: None, tree: empty.clone(), own: empty, asked: None, bases: Vec::new(), problems };
        }
    };
    if !matches!(own, Node::Table(_))
        && let Some(error) = foreign::error(bytes, path)
    {
        let empty = Node::Table(Vec::new());
        return Reading { spec: None, tree: empty.clone(), own: empty, asked: None, bases, problems: vec![error] };
    }
    let tree = more.into_iter().fold(tree, |tree, more| tree.under(more.clone()));
    let (tree, of_matrix) = compose::expanded(tree);
    let (spec, mut problems): (Option<Spec>, _) = decode::decode(&tree);
    problems.extend(of_matrix);
    if let Some(Node::Integer(version)) = tree.get("spec")
        && u64::try_from(*version) != Ok(SPEC_VERSION)
    {
        problems.push(
            Diagnostic::error(
                "spec-version",
                Place::Value(SpecPath::of(&["spec"])),
                format!("this lawfit reads version {SPEC_VERSION} of the spec language, not {version}"),
            )
            .hint(format!("write `spec = {SPEC_VERSION}`, or use the lawfit that wrote this spec")),
        );
    }
    Reading { spec, tree, own, asked: more.cloned(), bases, problems }
}

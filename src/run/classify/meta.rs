//! The meaning of a classifier's numbers, which its file holds beside them as JSON.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::data::Preprocess;
use crate::engine::network::NetworkObjective;
use crate::math::activation::Activation;
use crate::math::network::{NetworkDecay, NetworkShape};

/// Version of the metadata; raised when an older reader would misunderstand it.
const FORMAT: u64 = 1;
/// What the metadata say they are of.
pub(super) const KIND: &str = "classifier";

/// The meaning of a classifier's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassifierMeta {
    /// f of every hidden layer, from below.
    pub activations: Vec<Activation>,
    /// λ of the layers.
    pub decay: NetworkDecay,
    /// Names of the classes, in the order of the outputs.
    pub classes: Vec<String>,
    /// How raw data become its examples.
    pub preprocess: Preprocess,
    /// Seed of the run.
    pub seed: u64,
}

impl ClassifierMeta {
    /// What the network minimises.
    pub fn objective(&self) -> NetworkObjective {
        NetworkObjective { activations: self.activations.clone(), decay: self.decay }
    }

    /// JSON with sorted keys, so that the same run writes the same bytes.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_value(self).expect("numbers and names have a JSON form");
        (json["kind"], json["format"]) = (KIND.into(), FORMAT.into());
        json.sort_all_objects();
        json.to_string()
    }

    /// Reads [`Self::to_json`]; `None` for metadata of something else.
    ///
    /// # Errors
    /// In words: what is wrong with them.
    pub fn from_json(json: &str) -> Option<Result<Self, String>> {
        let json: serde_json::Value = serde_json::from_str(json).ok()?;
        if json["kind"] != KIND {
            return None;
        }
        Some(match json["format"].as_u64() {
            Some(FORMAT) => {
                serde_json::from_value(json).map_err(|error| format!("its metadata cannot be read ({error})"))
            }
            other => Err(format!(
                "a classifier of format {other:?}, but this version reads format {FORMAT}; upgrade rhohat"
            )),
        })
    }

    /// Whether a network of these widths can be what is meant.
    ///
    /// # Errors
    /// Says what contradicts what.
    pub fn check(&self, shape: &NetworkShape) -> Result<(), String> {
        let named = |count: usize, what: &str, found: usize| match count == found {
            true => Ok(()),
            false => Err(format!("{count} {what} for {found} layers or outputs")),
        };
        named(self.activations.len(), "activations", shape.hidden.len())?;
        named(self.classes.len(), "classes", shape.classes)?;
        if shape.classes < 2 {
            return Err("one class, but two are the least that can be told apart".to_owned());
        }
        let mut known = HashSet::new();
        if let Some(name) = self.classes.iter().find(|name| !known.insert(*name)) {
            return Err(format!("it names the class {name} twice"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> ClassifierMeta {
        ClassifierMeta {
            activations: vec![Activation::Sigmoid],
            decay: NetworkDecay { hidden: 0.0, softmax: 1e-4 },
            classes: vec!["cat".to_owned(), "dog".to_owned()],
            preprocess: Preprocess::AS_IS,
            seed: 7,
        }
    }

    #[test]
    fn metadata_come_back_and_others_are_told_apart() {
        assert_eq!(ClassifierMeta::from_json(&meta().to_json()), Some(Ok(meta())));
        assert_eq!(ClassifierMeta::from_json(r#"{"format": 3, "activation": "sigmoid"}"#), None);
        assert_eq!(ClassifierMeta::from_json("no JSON"), None);
        let later = meta().to_json().replace(r#""format":1"#, r#""format":9"#);
        assert!(ClassifierMeta::from_json(&later).unwrap().unwrap_err().contains("upgrade"));
        let cut = meta().to_json().replace(r#""seed":7"#, r#""sead":7"#);
        assert!(ClassifierMeta::from_json(&cut).unwrap().unwrap_err().contains("seed"));
    }

    #[test]
    fn widths_that_contradict_the_metadata_are_refused() {
        let shape = |hidden: &[usize], classes| NetworkShape { inputs: 3, hidden: hidden.to_vec(), classes };
        assert_eq!(meta().check(&shape(&[2], 2)), Ok(()));
        assert!(meta().check(&shape(&[], 2)).is_err());
        assert!(meta().check(&shape(&[2], 3)).is_err());
        let twice = ClassifierMeta { classes: vec!["cat".to_owned(); 2], ..meta() };
        assert!(twice.check(&shape(&[2], 2)).unwrap_err().contains("cat twice"));
        let one = ClassifierMeta { classes: vec!["cat".to_owned()], ..meta() };
        assert!(one.check(&shape(&[2], 1)).unwrap_err().contains("two"));
    }
}

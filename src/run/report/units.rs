//! Hidden units over a sample of examples: how often each is active, and the examples that excite it.

use crate::engine::evenly;
use crate::math::objective::Activation;
use crate::train::measures::active_above;
use crate::train::units::Excitation;

/// Examples of each unit that excite it most.
pub const TOP: usize = 8;
/// Others that make it active.
pub const RANDOM: usize = 4;
/// Most units that are shown one by one.
const MOST_UNITS: usize = 4096;

/// A unit that is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShownUnit {
    /// Which of the hidden units.
    pub number: usize,
    /// The examples that excite it most, the strongest first; each is its place among the examples that are shown.
    pub top: Vec<Excitation>,
    /// Others that make it active, taken at random.
    pub random: Vec<Excitation>,
    /// The largest activation of all judged examples.
    pub largest: f32,
}

/// Takes the activations of judged examples.
#[derive(Debug)]
pub struct UnitSampler {
    threshold: f32,
    /// Examples that can be shown, by number and in order.
    examples: Vec<usize>,
    judged: usize,
    /// In how many judged examples each hidden unit is active.
    active: Vec<u32>,
    units: Vec<ShownUnit>,
    /// Hashes of the random examples of each unit.
    hashes: Vec<Vec<u32>>,
}

impl UnitSampler {
    /// Of `hidden` units, of which at most `most` are shown; `examples` are those that can be shown, in order.
    pub fn new(hidden: usize, activation: Activation, most: usize, examples: Vec<usize>) -> Self {
        let shown = evenly(hidden, most.clamp(1, MOST_UNITS));
        let units: Vec<_> = shown
            .into_iter()
            .map(|number| ShownUnit { number, largest: f32::NEG_INFINITY, ..ShownUnit::default() })
            .collect();
        let (active, hashes) = (vec![0; hidden], vec![Vec::new(); units.len()]);
        Self { threshold: active_above(activation), examples, judged: 0, active, units, hashes }
    }

    /// Takes activations `[rows, h]` of the examples `rows`.
    pub fn add(&mut self, rows: &[usize], a2: &[f32]) {
        for (&row, a2) in rows.iter().zip(a2.chunks_exact(self.active.len())) {
            self.judged += 1;
            self.active.iter_mut().zip(a2).for_each(|(active, &a)| *active += u32::from(a > self.threshold));
            let place = self.examples.binary_search(&row).ok();
            for (unit, hashes) in self.units.iter_mut().zip(&mut self.hashes) {
                let a = a2[unit.number];
                unit.largest = unit.largest.max(a);
                if let Some(place) = place {
                    let excitation = Excitation { example: place, activation: a };
                    excitation.keep_in(&mut unit.top, TOP);
                    if a > self.threshold {
                        unit.draw(excitation, hashes);
                    }
                }
            }
        }
    }

    /// The units that are shown, the share of judged examples that make each hidden unit active, and how many were judged.
    pub fn finish(mut self) -> (Vec<ShownUnit>, Vec<f64>, usize) {
        for unit in &mut self.units {
            let top = &unit.top;
            unit.random.retain(|it| !top.iter().any(|other| other.example == it.example));
            unit.random.truncate(RANDOM);
        }
        let judged = self.judged.max(1) as f64;
        let density = self.active.iter().map(|&active| f64::from(active) / judged).collect();
        (self.units, density, self.judged)
    }
}

impl ShownUnit {
    /// Keeps those whose hashes are least: a sample in which every example has the same chance, whatever their order.
    fn draw(&mut self, excitation: Excitation, hashes: &mut Vec<u32>) {
        let hash = hash(self.number as u32, excitation.example as u32);
        let at = hashes.partition_point(|&other| other < hash);
        if at < TOP + RANDOM {
            hashes.insert(at, hash);
            self.random.insert(at, excitation);
            hashes.truncate(TOP + RANDOM);
            self.random.truncate(TOP + RANDOM);
        }
    }
}

/// A hash of a pair of numbers, by the finaliser of MurmurHash3.
fn hash(unit: u32, place: u32) -> u32 {
    let mut hash = unit.wrapping_mul(0x9e37_79b9) ^ place.wrapping_mul(0x85eb_ca6b).rotate_left(16);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unit 0 follows the number of the example, unit 1 is never active, unit 2 in every third.
    fn sampled(judged: &[usize], shown: Vec<usize>, piece: usize) -> (Vec<ShownUnit>, Vec<f64>, usize) {
        let mut sampler = UnitSampler::new(3, Activation::Sigmoid, 10, shown);
        for rows in judged.chunks(piece) {
            let a2: Vec<f32> = rows
                .iter()
                .flat_map(|&row| [row as f32 / 100.0, 0.25, if row % 3 == 0 { 0.9 } else { 0.1 }])
                .collect();
            sampler.add(rows, &a2);
        }
        sampler.finish()
    }

    #[test]
    fn the_strongest_examples_come_first_and_random_ones_are_others_that_are_active() {
        let rows: Vec<usize> = (0..100).collect();
        let (units, density, judged) = sampled(&rows, rows.clone(), 7);
        assert_eq!(judged, 100);
        let places: Vec<usize> = units[0].top.iter().map(|it| it.example).collect();
        assert_eq!(places, [99, 98, 97, 96, 95, 94, 93, 92]);
        assert_eq!((units[0].largest, units[1].largest), (0.99, 0.25));
        assert_eq!((density[0], density[1], density[2]), (0.49, 0.0, 0.34));
        assert!(units[1].random.is_empty());
        for unit in [&units[0], &units[2]] {
            assert_eq!(unit.random.len(), RANDOM);
            for it in &unit.random {
                assert!(it.activation > 0.5, "{unit:?}");
                assert!(!unit.top.iter().any(|other| other.example == it.example), "{unit:?}");
            }
        }
    }

    #[test]
    fn pieces_make_no_difference_and_places_are_those_of_the_examples_shown() {
        let rows: Vec<usize> = (0..90).step_by(2).collect();
        let shown: Vec<usize> = rows.iter().copied().step_by(5).collect();
        let whole = sampled(&rows, shown.clone(), 90);
        assert_eq!(whole, sampled(&rows, shown.clone(), 4));
        let strongest = whole.0[0].top[0];
        assert_eq!((shown[strongest.example], strongest.activation), (80, 0.8));
    }

    #[test]
    fn wide_layers_are_shown_in_part_and_evenly() {
        let sampler = UnitSampler::new(1000, Activation::Tanh, 10, Vec::new());
        let numbers: Vec<usize> = sampler.units.iter().map(|unit| unit.number).collect();
        assert_eq!(numbers, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    }
}

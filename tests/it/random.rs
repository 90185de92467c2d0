//! The random streams: the same bits on every platform and in every version, or models of old seeds could not be had
//! again.

use rhohat::math::params::{Params, Shape};
use rhohat::math::random::{Permutation, Stream};

#[test]
fn streams_are_pinned_to_their_bits() {
    let mut stream = Stream::new(0, "pinned");
    let first: Vec<u64> = (0..3).map(|_| stream.unit().to_bits()).collect();
    assert_eq!(first, [4_604_577_284_257_179_469, 4_603_032_121_263_642_965, 4_603_192_077_808_281_631]);
}

#[test]
fn seed_purpose_and_number_each_give_another_stream() {
    let draw = |seed, purpose, number| Stream::numbered(seed, purpose, number).unit();
    let base = draw(1, "a", 0);
    assert_eq!(base, Stream::new(1, "a").unit());
    for other in [draw(2, "a", 0), draw(1, "b", 0), draw(1, "a", 1)] {
        assert_ne!(base, other);
    }
}

#[test]
fn units_fill_their_interval_evenly() {
    let mut stream = Stream::new(5, "even");
    let mut bins = [0; 10];
    for _ in 0..100_000 {
        let x = stream.unit();
        assert!((0.0..1.0).contains(&x));
        bins[(x * 10.0) as usize] += 1;
    }
    // Six standard deviations of a bin are 570.
    assert!(bins.iter().all(|&count| (9_430..=10_570).contains(&count)), "{bins:?}");
}

#[test]
fn numbers_below_a_bound_are_all_met_and_never_reach_it() {
    let mut stream = Stream::new(6, "below");
    let mut bins = [0; 7];
    for _ in 0..70_000 {
        bins[stream.below(7) as usize] += 1;
    }
    assert!(bins.iter().all(|&count| (9_440..=10_560).contains(&count)), "{bins:?}");
}

#[test]
fn a_shuffle_keeps_every_item() {
    let mut items: Vec<u32> = (0..1000).collect();
    Stream::new(7, "shuffle").shuffle(&mut items);
    assert_ne!(items, (0..1000).collect::<Vec<u32>>());
    items.sort_unstable();
    assert_eq!(items, (0..1000).collect::<Vec<u32>>());
}

#[test]
fn a_permutation_holds_no_list_keeps_every_number_and_knows_its_place() {
    for bound in [1_u64, 2, 3, 4, 5, 63, 64, 65, 1_000] {
        let permutation = Permutation::new(bound, &mut Stream::numbered(1, "permutation", bound));
        let mut numbers: Vec<u64> = (0..bound).map(|place| permutation.at(place)).collect();
        assert!((0..bound).all(|place| permutation.place_of(numbers[place as usize]) == place), "{bound}");
        assert!(
            bound < 10 || numbers.iter().zip(0..).filter(|&(&number, place)| number == place).count() < 10
        );
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..bound), "{bound}");
    }
    let last = u64::MAX - 1;
    let permutation = Permutation::new(last, &mut Stream::new(1, "permutation"));
    assert!(
        [0, 1, last / 2, last - 1]
            .into_iter()
            .all(|place| permutation.place_of(permutation.at(place)) == place)
    );
}

#[test]
fn permutations_are_pinned_to_their_bits_and_every_number_meets_every_place() {
    let permutation = Permutation::new(5_000_000_000, &mut Stream::new(0, "pinned"));
    assert_eq!(
        [0, 1, 4_999_999_999].map(|place| permutation.at(place)),
        [2_296_482_906, 3_000_215_133, 4_731_063_906]
    );
    let mut bins = [[0; 8]; 8];
    for number in 0..8_000 {
        let permutation = Permutation::new(8, &mut Stream::numbered(2, "even", number));
        (0..8).for_each(|place| bins[place][permutation.at(place as u64) as usize] += 1);
    }
    // Six standard deviations of a bin are 178.
    assert!(bins.iter().flatten().all(|&count| (822..=1_178).contains(&count)), "{bins:?}");
}

#[test]
fn start_weights_lie_within_the_lectures_reach_and_biases_are_zero() {
    let shape = Shape { visible: 64, hidden: 25 };
    let params = Params::random(shape, 0);
    let reach = (6.0_f64 / 90.0).sqrt() as f32;
    for w in [&params.w1, &params.d] {
        assert!(w.iter().all(|w| w.abs() <= reach));
        assert!(w.iter().any(|w| w.abs() > 0.99 * reach));
    }
    assert_ne!(params.w1, params.d);
    assert!(params.b1.iter().chain(&params.b2).all(|&b| b == 0.0));
}

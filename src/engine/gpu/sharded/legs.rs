//! The order in which a pass goes through its legs, chunk by chunk. Each is recorded at its first use and kept; chunks
//! of fetched rows lie in one place, so that those of one length share their recordings.
//!
//! The device waits for the host where Z3 goes out to other ranks and nowhere else; a rank without others submits all
//! legs of a pass one after the other.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::pass::{Chunk, Leg, Link, Pass, Phase};
use crate::engine::gpu::recording::{Commands, Recording};
use crate::engine::gpu::step::examples::PassRows;
use crate::error::Result;

/// The legs of passes that differ in nothing but their rows.
#[derive(Debug, Default)]
pub(super) struct Legs(HashMap<Leg, Recording>);

impl Legs {
    /// J's sums and ρ̂, and the gradient where the subjects have a place for it. Returns the squared errors of all
    /// chunks but the last, whose sums are still on the device, if `error` asks for them.
    pub fn evaluate<'g>(
        &mut self,
        pass: &Pass<'g>,
        link: &mut Link<'_>,
        mut commands: Commands<'g>,
        error: bool,
    ) -> Result<(Commands<'g>, f64)> {
        let (chunks, mut errors) = (pass.chunks(), 0.0);
        let takes_gradient = pass.subjects[0].gradient.is_some();
        // ρ̂ of all rows comes before any delta: of several chunks the activations are computed twice.
        let twice = takes_gradient && chunks.len() > 1;
        if twice {
            for chunk in &chunks {
                commands = pass.fetch(link, commands, chunk)?;
                self.go(pass, &mut commands, Phase::Activate, chunk)?;
            }
            self.settle(pass, &mut commands)?;
        }
        for (done, chunk) in (1..).zip(&chunks) {
            let rows = chunk.range.len();
            commands = pass.fetch(link, commands, chunk)?;
            self.go(pass, &mut commands, if twice { Phase::Hidden } else { Phase::Activate }, chunk)?;
            if takes_gradient && !twice {
                self.settle(pass, &mut commands)?;
            }
            self.go(pass, &mut commands, Phase::Multiply, chunk)?;
            commands = pass.exchange(link, commands, rows)?;
            let end = if takes_gradient { Phase::BackPropagate } else { Phase::Measure };
            self.go(pass, &mut commands, end, chunk)?;
            if error && done < chunks.len() {
                errors = pass.read_errors(commands, errors, rows)?;
                commands = Commands::new(&pass.on.gpu);
            }
        }
        if !takes_gradient {
            self.settle(pass, &mut commands)?;
        }
        Ok((commands, errors))
    }

    /// A2 of a chunk.
    pub fn hidden<'g>(
        &mut self,
        pass: &Pass<'g>,
        link: &mut Link<'_>,
        chunk: &Chunk,
    ) -> Result<Commands<'g>> {
        let mut commands = pass.fetch(link, Commands::new(&pass.on.gpu), chunk)?;
        self.go(pass, &mut commands, Phase::Hidden, chunk)?;
        Ok(commands)
    }

    /// A3 of a chunk whose A2 is there, behind `commands`.
    pub fn output<'g>(
        &mut self,
        pass: &Pass<'g>,
        link: &mut Link<'_>,
        mut commands: Commands<'g>,
        chunk: &Chunk,
    ) -> Result<Commands<'g>> {
        self.go(pass, &mut commands, Phase::Multiply, chunk)?;
        commands = pass.exchange(link, commands, chunk.range.len())?;
        self.go(pass, &mut commands, Phase::Output, chunk)?;
        Ok(commands)
    }

    /// How many have been recorded.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn settle<'g>(&mut self, pass: &Pass<'g>, commands: &mut Commands<'g>) -> Result<()> {
        self.go(pass, commands, Phase::Settle, &Chunk { number: 0, range: 0..0 })
    }

    fn go<'g>(
        &mut self,
        pass: &Pass<'g>,
        commands: &mut Commands<'g>,
        phase: Phase,
        chunk: &Chunk,
    ) -> Result<()> {
        let is_fetched = matches!(pass.place, PassRows::Fetched { .. });
        let number = if is_fetched || !phase.reads_rows() { 0 } else { chunk.number };
        let (rows, total) = (chunk.range.len(), pass.place.count());
        let leg = Leg { phase, number, rows, later: chunk.number > 0, total };
        let recording = match self.0.entry(leg) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(pass.record(leg, chunk)?),
        };
        commands.run(recording)
    }
}

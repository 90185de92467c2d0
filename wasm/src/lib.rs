//! Rhohat behind a C interface, for a Worker of a page.
//!
//! Arguments other than numbers are written to [`argument`]; every function returns 0 and leaves its result at [`result`], or
//! 1 and leaves the reason in words there. Structures are JSON in UTF-8, arrays are little-endian numbers. After a panic the
//! instance is of no use; its text is at [`result`].

mod answer;
#[cfg(feature = "gpu")]
mod gpu;
mod page;
mod request;

use std::cell::RefCell;

use page::Page;
use rhohat::Result;

thread_local! {
    static PAGE: RefCell<Page> = RefCell::default();
    static ARGUMENT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static RESULT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for an argument of `length` bytes, and tells where.
#[unsafe(no_mangle)]
pub extern "C" fn argument(length: usize) -> *mut u8 {
    ARGUMENT.with_borrow_mut(|argument| {
        *argument = vec![0; length];
        argument.as_mut_ptr()
    })
}

/// The first byte of the last result.
#[unsafe(no_mangle)]
pub extern "C" fn result() -> *const u8 {
    RESULT.with_borrow(|result| result.as_ptr())
}

/// The bytes of the last result.
#[unsafe(no_mangle)]
pub extern "C" fn result_length() -> usize {
    RESULT.with_borrow(Vec::len)
}

/// Prepares an instance: a panic leaves its text as the result.
#[unsafe(no_mangle)]
pub extern "C" fn start() {
    std::panic::set_hook(Box::new(|panic| {
        RESULT.with(|result| {
            if let Ok(mut result) = result.try_borrow_mut() {
                *result = panic.to_string().into_bytes();
            }
        });
    }));
}

/// Answers with what `call` makes of the page and the argument.
fn answered(call: impl FnOnce(&mut Page, Vec<u8>) -> Result<Vec<u8>>) -> u32 {
    let argument = ARGUMENT.take();
    let answer = PAGE.with_borrow_mut(|page| call(page, argument));
    let (failed, bytes) = match answer {
        Ok(bytes) => (0, bytes),
        Err(error) => (1, error.to_string().into_bytes()),
    };
    RESULT.set(bytes);
    failed
}

/// The version of the library, as text.
#[unsafe(no_mangle)]
pub extern "C" fn version() -> u32 {
    answered(|_, _| Ok(env!("CARGO_PKG_VERSION").into()))
}

/// Takes the built-in pictures as data.
#[unsafe(no_mangle)]
pub extern "C" fn take_built_in() -> u32 {
    answered(|page, _| page.take_built_in())
}

/// Takes rows of `width` f32 as data.
#[unsafe(no_mangle)]
pub extern "C" fn take_rows(width: usize) -> u32 {
    answered(|page, bytes| page.take_rows(bytes, width))
}

/// Takes pictures as data: a line of JSON, `[{"name", "width", "height", "channels"}, …]`, and behind its line feed all pixels as f32.
#[unsafe(no_mangle)]
pub extern "C" fn take_pictures() -> u32 {
    answered(|page, bytes| page.take_pictures(&bytes))
}

/// Begins a run under settings, JSON under the names of `config.toml`; the result describes it.
#[unsafe(no_mangle)]
pub extern "C" fn begin() -> u32 {
    answered(|page, bytes| page.begin(&bytes))
}

/// Takes so many steps; the result is how far the run has come.
#[unsafe(no_mangle)]
pub extern "C" fn advance(steps: usize) -> u32 {
    answered(|page, _| page.advance(steps))
}

/// J, its terms and ρ̂ of each unit.
#[unsafe(no_mangle)]
pub extern "C" fn state() -> u32 {
    answered(|page, _| page.state())
}

/// A picture of the features of the first `limit` units: width, height and channels as u32, then its bytes.
#[unsafe(no_mangle)]
pub extern "C" fn features(limit: usize) -> u32 {
    answered(|page, _| page.features(limit))
}

/// An example with its code and its reconstruction.
#[unsafe(no_mangle)]
pub extern "C" fn example(number: usize) -> u32 {
    answered(|page, _| page.example(number))
}

/// Examples `first..first + count` as they are learned from, as f32.
#[unsafe(no_mangle)]
pub extern "C" fn examples(first: usize, count: usize) -> u32 {
    answered(|page, _| page.examples(first, count))
}

/// The parameters W1, b1, D, b2, as f32.
#[unsafe(no_mangle)]
pub extern "C" fn parameters() -> u32 {
    answered(|page, _| page.parameters())
}

/// Takes parameters in that order in place of those that there are.
#[unsafe(no_mangle)]
pub extern "C" fn take_parameters() -> u32 {
    answered(|page, bytes| page.take_parameters(&bytes))
}

/// The bytes of the model's file.
#[unsafe(no_mangle)]
pub extern "C" fn model() -> u32 {
    answered(|page, _| page.model())
}

/// The settings that a model's file was trained with; [`take_model`] has to follow a [`begin`] under them.
#[unsafe(no_mangle)]
pub extern "C" fn settings_of_model() -> u32 {
    answered(|_, bytes| page::settings_of_model(&bytes))
}

/// Goes on from the parameters of a model's file; the result are words, where there is something to be said.
#[unsafe(no_mangle)]
pub extern "C" fn take_model() -> u32 {
    answered(|page, bytes| page.take_model(&bytes))
}

/// Functions for a host on WebGPU.
#[cfg(feature = "gpu")]
mod host {
    use super::{answered, gpu};
    use crate::request::{numbers, pieces};

    /// Says what the adapter is: JSON, `{"name", "software", "limits": {…}}`.
    #[unsafe(no_mangle)]
    pub extern "C" fn gpu_describe() -> u32 {
        answered(|_, bytes| gpu::describe(&bytes))
    }

    /// Lets the host go on with the run that has begun: its plan, the kernels' texts, and what it writes first.
    #[unsafe(no_mangle)]
    pub extern "C" fn gpu_begin() -> u32 {
        answered(|page, _| page.begin_on_gpu())
    }

    /// Takes so many steps: actions of the host, and how far the run has come. Where the last action reads, the call is to be made again,
    /// `is_answer` 1, with the numbers that were read.
    #[unsafe(no_mangle)]
    pub extern "C" fn gpu_advance(steps: usize, is_answer: u32) -> u32 {
        answered(|page, bytes| {
            let read = (is_answer != 0).then(|| numbers(&bytes)).transpose()?;
            page.gpu()?.advance(steps, read)
        })
    }

    /// J, its terms and ρ̂ of each unit, in the same way.
    #[unsafe(no_mangle)]
    pub extern "C" fn gpu_state(is_answer: u32) -> u32 {
        answered(|page, bytes| {
            let read = (is_answer != 0).then(|| numbers(&bytes)).transpose()?;
            page.gpu()?.state(read)
        })
    }

    /// Actions before the host reads the parameters.
    #[unsafe(no_mangle)]
    pub extern "C" fn gpu_settle() -> u32 {
        answered(|page, _| page.gpu()?.settle())
    }

    /// Lists the checks of the adapter: `[{"group", "name", "cases"}, …]`.
    #[unsafe(no_mangle)]
    pub extern "C" fn gpu_checks(seed: u32) -> u32 {
        answered(|page, _| page.checks().list(u64::from(seed)))
    }

    /// Runs a case of a check from its beginning, or goes on with `answers` results that were read: first their lengths as u32, then their bytes.
    #[unsafe(no_mangle)]
    pub extern "C" fn gpu_check(number: usize, case: usize, answers: usize) -> u32 {
        answered(|page, bytes| {
            let read = (answers > 0).then(|| pieces(&bytes, answers)).transpose()?;
            page.checks().run((number, case), read)
        })
    }
}

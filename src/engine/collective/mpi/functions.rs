//! The functions of MPI that are needed, with the types of their arguments in every binary interface.

use std::ffi::{c_char, c_int, c_void};

// A handle is a pointer, or an `int`, which is taken from the lower half of a register.
pub type Init = unsafe extern "C" fn(*mut c_int, *mut c_void, c_int, *mut c_int) -> c_int;
pub type Number = unsafe extern "C" fn(usize, *mut c_int) -> c_int;
pub type Errhandler = unsafe extern "C" fn(usize, usize) -> c_int;
pub type Duplicate = unsafe extern "C" fn(usize, *mut usize) -> c_int;
pub type Message = unsafe extern "C" fn(*mut c_void, c_int, usize, c_int, c_int, usize, *mut usize) -> c_int;
pub type Test = unsafe extern "C" fn(*mut usize, *mut c_int, usize) -> c_int;
pub type Text = unsafe extern "C" fn(*mut c_char, *mut c_int) -> c_int;
pub type ErrorText = unsafe extern "C" fn(c_int, *mut c_char, *mut c_int) -> c_int;
pub type Abort = unsafe extern "C" fn(usize, c_int) -> c_int;
pub type Finalize = unsafe extern "C" fn() -> c_int;
pub type AbiVersion = unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int;

/// The functions that are needed.
#[derive(Debug)]
pub struct Functions {
    pub init: Init,
    pub errhandler: Errhandler,
    pub rank: Number,
    pub size: Number,
    pub duplicate: Duplicate,
    pub send: Message,
    pub receive: Message,
    pub test: Test,
    pub version: Text,
    pub error_text: ErrorText,
    pub abort: Abort,
    pub finalize: Finalize,
}

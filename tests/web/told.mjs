// What a test of the page tells, a line for each thing that it looks at, and whether all was as it should be.

let failed = 0;

export function check(is, what) {
  if (!is) failed += 1;
  console.log(`${is ? 'ok    ' : 'FAILED'}  ${what}`);
}

/** Ends the test. */
export function end() { process.exit(failed ? 1 : 0); }

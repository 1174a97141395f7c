/** Beyond these a walk ends and says so. */
export const MAX_OPERATIONS = 50_000_000;
/** Values that wait for what they belong to: lists come in thousands, the largest tuples have some ten thousand items. */
export const MAX_STACK = 1_000_000;
export const MAX_MEMO = 4_000_000;
/** Numbers that are passed over, as pickletools.optimize leaves them out. */
export const MAX_MEMO_GAP = 16;
/** Of those that are remembered out of order, which costs more. */
export const MAX_SPARSE_MEMO = 200_000;
/** Imports that differ. */
export const MAX_IMPORTS = 10_000;
/** Pickles one after the other in one file. */
export const MAX_PICKLES = 1_000;
/** Arrays of objects are pickles inside a pickle. */
export const MAX_DEPTH = 8;
/** Longer texts are not remembered: no name of a module or class is longer. */
export const MAX_TEXT_BYTES = 512;
/** Values in a value, those in them counted too, that are followed: joblib's wrapper of an array has some thirty. */
export const MAX_VALUE_WEIGHT = 256;
/** The same of what an object gets after it was made: a dtype gets a tuple of eight or nine. */
export const MAX_STATE_WEIGHT = 16;
/** The same of all values that wait together, and of all that are remembered. Pickles may nest or hold millions. */
export const MAX_TOTAL_WEIGHT = 250_000;
/** What is inflated to be looked into. */
export const MAX_INFLATED_BYTES = 16 * 1024 * 1024;
/** Where Node's arrays of bytes end; pickles come first in a file, and what follows is data. */
export const MAX_VIEW_BYTES = 2 ** 32 - 1;

/** The largest archives of arrays have some ten thousand entries. */
export const MAX_ENTRIES = 100_000;
/** Far above any directory of so many entries. */
export const MAX_DIRECTORY_BYTES = 32 * 1024 * 1024;

/**
 * Entries that inflate to more than this must not be deflated a thousandfold: that is what zeros shrink to, and bombs.
 * Nothing at all shrinks more than 1032-fold, so the bytes of a small archive can cost no more than this.
 */
export const FREE_INFLATED_BYTES = 16 * 1024 * 1024;
export const MAX_RATIO = 1000;

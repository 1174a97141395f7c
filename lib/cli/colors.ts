import picocolors from "picocolors";

const { NO_COLOR, FORCE_COLOR, TERM } = process.env;

/** Colours for people only: a pipe gets plain text, in continuous integration too, which picocolors itself would colour. */
export const colors = picocolors.createColors(
  !NO_COLOR && (Boolean(FORCE_COLOR) || (process.stdout.isTTY === true && TERM !== "dumb")),
);

/** What the page draws in one way. The class gives the colour, the glyph says the same without colour. */
export interface Kind {
  className: string;
  glyph: string;
  label: string;
}

const KINDS = {
  int8: { className: "k-int8", glyph: "8", label: "int8" },
  weights8: { className: "k-weights8", glyph: "w8", label: "weights in int8" },
  int4: { className: "k-int4", glyph: "4", label: "4 bits" },
  float16: { className: "k-float16", glyph: "16", label: "float16" },
  float32: { className: "k-float32", glyph: "32", label: "float32" },
  merged: { className: "k-merged", glyph: "\u2192", label: "merged" },
  pruned: { className: "k-pruned", glyph: "\u00d7", label: "pruned" },
  other: { className: "k-other", glyph: "?", label: "other" },
} satisfies Record<string, Kind>;

/** How a layer's treatment or a node's precision is drawn. */
export function kindOf(text: string): Kind {
  const words = text.toLowerCase();
  if (/pruned/.test(words)) return KINDS.pruned;
  if (/merged/.test(words)) return KINDS.merged;
  if (/int4|4 bit/.test(words)) return KINDS.int4;
  if (/weights/.test(words)) return KINDS.weights8;
  if (/int8/.test(words)) return KINDS.int8;
  if (/float16/.test(words)) return KINDS.float16;
  if (/float/.test(words)) return KINDS.float32;
  return { ...KINDS.other, label: text };
}

/** Ratios of signal to noise in four steps that words and colours share; below 20 dB an output is visibly another. */
export function errorStep(sqnrDb: number | null | undefined): { className: string; label: string } {
  if (sqnrDb === undefined) return { className: "e-none", label: "not measured" };
  if (sqnrDb === null || sqnrDb >= 40) return { className: "e-small", label: "40 dB or more" };
  if (sqnrDb >= 30) return { className: "e-mild", label: "30 to 40 dB" };
  if (sqnrDb >= 20) return { className: "e-marked", label: "20 to 30 dB" };
  return { className: "e-large", label: "under 20 dB" };
}

export type Colouring = "precision" | "error";

/** The class that colours a node. */
export function colourOf(
  { precision, sqnrDb }: { precision: string; sqnrDb?: number | null | undefined },
  colouring: Colouring,
): string {
  return colouring === "precision" ? kindOf(precision).className : errorStep(sqnrDb).className;
}

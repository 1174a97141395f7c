/**
 * Lays 4-bit steps that stand column after column, two in a byte, row after row, as ONNX packs int4 and uint4. A step of
 * int4 is counted from the middle one.
 *
 * @param steps [cols, bytes of a column]
 * @param out [rows, cols] of 4 bits
 */
export function stepsInRows(
  steps: Uint8Array,
  out: Uint8Array,
  { rows, cols }: { rows: number; cols: number },
  dtype: "int4" | "uint4",
): void {
  const stride = steps.length / cols;
  // Subtracting 8 from four bits and keeping four turns over the first of them.
  const middle = dtype === "int4" ? 0x88 : 0;
  const step = (row: number, col: number): number =>
    (steps[col * stride + (row >> 1)]! >> (row & 1 ? 4 : 0)) & 15;
  const count = rows * cols;
  let row = 0;
  let col = 0;
  const next = (): number => {
    const value = step(row, col++);
    if (col === cols) {
      col = 0;
      row++;
    }
    return value;
  };
  for (let i = 0; i < count >> 1; i++) {
    const low = next();
    out[i] = (low | (next() << 4)) ^ middle;
  }
  if (count & 1) out[count >> 1] = next() ^ (middle & 15);
}

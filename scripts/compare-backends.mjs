// Compares every backend with plain JavaScript, byte for byte, on random bit patterns and near ties, for as long as asked.
// The tests do this for a second; this is for a long run, and for machines that cannot run the tests (an emulated one).
//   node scripts/compare-backends.mjs [--rounds N] [--seed N]
import { parseArgs } from "node:util";
import { backends } from "modelpress";
import { compareBlockwise } from "./compare-backends/blockwise.mjs";
import { compareCasts } from "./compare-backends/cast.mjs";
import { bytesCompared } from "./compare-backends/compare.mjs";
import { compareGguf } from "./compare-backends/gguf.mjs";
import { compareHistogram } from "./compare-backends/histogram.mjs";
import { compareLinalg } from "./compare-backends/linalg.mjs";
import { compareInt32, compareLinear } from "./compare-backends/linear.mjs";
import { compareMinMax } from "./compare-backends/minmax.mjs";
import { compareNorms } from "./compare-backends/norms.mjs";
import { comparePruning } from "./compare-backends/prune.mjs";
import { roundOf, seed } from "./compare-backends/random.mjs";
import { compareSparse } from "./compare-backends/sparse.mjs";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
});

seed(Number(values.seed));
for (let number = 0; number < Number(values.rounds); number++) {
  const round = roundOf(number);
  compareLinear(round);
  compareInt32(round);
  compareGguf(round);
  compareCasts(round);
  compareBlockwise(round);
  compareLinalg(round);
  compareHistogram(round);
  comparePruning(round);
  compareSparse(round);
  compareNorms(round);
  compareMinMax(round);
}
const names = backends().map((backend) => backend.name);
console.log(`${names.join(", ")}: ${bytesCompared()} bytes equal`);

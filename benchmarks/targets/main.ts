import { parseArgs } from "node:util";
import { describeMachine, introduction } from "../harness/machine.js";
import { axisFigures } from "./axes.js";
import { blockwiseFigure } from "./blockwise.js";
import { everyOperation } from "./every-operation.js";
import { FIGURE_HEAD, type Figure, figureLine, holds } from "./figure.js";
import { largeFigures } from "./large.js";

const { values: options } = parseArgs({
  options: { targets: { type: "boolean" }, python: { type: "string" } },
});

const all: Figure[] = [];
function print(figures: readonly Figure[]): void {
  for (const figure of figures) console.log(figureLine(figure));
  all.push(...figures);
}

console.log(`${introduction(describeMachine())}\n\n${FIGURE_HEAD}`);
print(largeFigures());
print(axisFigures());
if (options.python) print([blockwiseFigure(options.python)]);
print(await everyOperation());
console.log(`\n${all.filter(holds).length} of ${all.length} hold`);
if (!options.python)
  console.log("Not measured: onnxruntime's own quantizer of blocks, which needs --python PYTHON.");

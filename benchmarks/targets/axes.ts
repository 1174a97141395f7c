// quantizeLinear with a scale for all, or one for each channel: against each other, and against onnxruntime-node.
import type { Comparison } from "../harness/comparison.js";
import { type Figure, named } from "./figure.js";
import { measureParts, ratio } from "./measured.js";

const LAYOUTS = ["quantizeLinear", "quantizeLinear, first axis", "quantizeLinear, last axis"];
const SIZES = [16, 2 ** 16, 2 ** 20, 2 ** 24];
const IN_CACHE = 2 ** 16;
const SQUARE = 2 ** 24; // [4096, 4096]

export function axisFigures(): Figure[] {
  return SIZES.flatMap((n) => {
    const parts = LAYOUTS.map((name, i) => ({
      file: "quantize-linear",
      name,
      n,
      kinds: ["backend", "onnxruntime", ...(i === 0 ? (["limit"] as const) : [])] as const,
    }));
    const found = measureParts(parts);
    return [
      ...(n === IN_CACHE ? [ofLimit(found[0]!)] : []),
      ...(n === SQUARE ? [acrossChannels(found[0]!, found.at(-1)!)] : []),
      ...found.flatMap(toOnnxruntime),
    ];
  });
}

function ofLimit({ operation, n, ours, limit }: Comparison): Figure {
  return {
    what: `${named(operation, n)}: of the limit, 4 bytes read, 1 written`,
    asked: 0.6,
    measured: ratio(ours, limit!),
  };
}

function acrossChannels(perTensor: Comparison, lastAxis: Comparison): Figure {
  return {
    what: `quantizeLinear, [4096, 4096]: a scale for each of the last axis against one`,
    asked: 0.75,
    measured: ratio(lastAxis.ours, perTensor.ours),
  };
}

function toOnnxruntime({ operation, n, ours, onnxruntime }: Comparison): Figure[] {
  if (!onnxruntime) return [];
  return [
    {
      what: `${named(operation, n)}: against onnxruntime-node`,
      asked: 1,
      measured: onnxruntime.nanoseconds / ours.nanoseconds,
    },
  ];
}

import type { ModelProto } from "../onnx/proto/onnx_pb.js";
import { standardSet } from "../onnx/standard-set.js";
import type { Finding } from "./finding.js";
import type { ListedNode } from "./listed-nodes.js";

/** The newest operator set and IR version that releases of onnxruntime load; found by loading models in each of them. */
const RELEASES = [
  { since: [1, 20], opset: 21, ir: 10 },
  { since: [1, 21], opset: 22, ir: 10 },
  { since: [1, 23], opset: 23, ir: 11 },
  { since: [1, 24], opset: 25, ir: 13 },
  { since: [1, 25], opset: 26, ir: 13 },
] as const;
/** The first release with a ConvInteger for int8 weights. */
const INT8_CONV_INTEGER = [1, 24] as const;

/** True for a version that is as new as the oldest one of which anything is known here. */
export function isKnownRelease(version: string): boolean {
  return /^\d+\.\d+(\.|$)/.test(version) && isAtLeast(version, RELEASES[0].since);
}

/** What one version of onnxruntime does not take of a model. */
export function checkRuntime(model: ModelProto, nodes: readonly ListedNode[], version: string): Finding[] {
  const release = RELEASES.findLast(({ since }) => isAtLeast(version, since));
  const findings: Finding[] = [];
  const opset = Number(standardSet(model)?.version ?? 0n);
  if (release && opset > release.opset)
    findings.push({
      severity: "error",
      code: "OPSET_TOO_NEW",
      message: `onnxruntime ${version} does not load operator set ${opset}: ${neededFor((each) => each.opset >= opset)}`,
      where: [],
    });
  if (release && model.irVersion > release.ir)
    findings.push({
      severity: "error",
      code: "OPSET_TOO_NEW",
      message: `onnxruntime ${version} does not load ONNX IR version ${model.irVersion}: ${neededFor((each) => each.ir >= model.irVersion)}`,
      where: [],
    });
  const signed = nodes.filter(({ node, graph }) => {
    const weight = node.opType === "ConvInteger" ? graph.initializer(node.input[1]!) : undefined;
    return weight?.dataType === INT8;
  });
  if (signed.length > 0 && !isAtLeast(version, INT8_CONV_INTEGER))
    findings.push({
      severity: "error",
      code: "INT8_CONV_INTEGER",
      message: `onnxruntime ${version} has no ConvInteger for int8 weights, only for uint8: use 1.24 or later, quantize convolutions to uint8, or leave them in float`,
      where: signed.map(({ name }) => name),
    });
  return findings;
}

const INT8 = 3;

function neededFor(enough: (release: (typeof RELEASES)[number]) => boolean): string {
  const release = RELEASES.find(enough);
  return release ? `use ${release.since.join(".")} or later` : "no release is known to";
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = version.split(".").map(Number);
  return a > major || (a === major && b >= minor);
}

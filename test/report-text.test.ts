import { expect, test } from "vitest";
import { distinctPart } from "../lib/report/page/text.js";

test.each([
  ["/b/b.0/p/p.0/Conv", "b/b.0/p/p.0"],
  ["fc", "fc"],
  ["/Conv", "/Conv"],
  ["/encoder/MatMul_1", "encoder/MatMul_1"],
])("what tells %s from other nodes is %s", (name, part) => {
  expect(distinctPart({ name, opType: "Conv" })).toBe(part);
});

import { backends, quantizeLinear, quantizeModel } from "modelpress";
import { expect, test } from "vitest";

test("kernels give their results in Vitest", () => {
  expect(backends().length).toBeGreaterThan(1);
  const x = Float32Array.from({ length: 1000 }, (_, i) => i - 500);
  expect(quantizeLinear(x, { scale: 4 })).toEqual(quantizeLinear(x, { scale: 4, backend: "js" }));
});

test("a model is quantized in Vitest", async () => {
  const { mode } = await quantizeModel("models/digits_cnn.onnx", { output: "vitest.onnx", mode: "weights" });
  expect(mode).toBe("weights");
});

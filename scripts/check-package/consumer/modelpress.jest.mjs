import { backends, quantizeLinear, quantizeModel } from "modelpress";

test("kernels give their results in Jest", () => {
  expect(backends().length).toBeGreaterThan(1);
  const x = Float32Array.from({ length: 1000 }, (_, i) => i - 500);
  expect(quantizeLinear(x, { scale: 4 })).toEqual(quantizeLinear(x, { scale: 4, backend: "js" }));
});

test("a model is quantized in Jest", async () => {
  const { mode } = await quantizeModel("models/digits_cnn.onnx", { output: "jest.onnx", mode: "weights" });
  expect(mode).toBe("weights");
});

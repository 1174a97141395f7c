// Run where no addon of the package fits.
import assert from "node:assert/strict";
import { backends, quantizeLinear, unavailableBackends } from "modelpress";

const warned = new Promise((resolve) => process.once("warning", resolve));
const available = backends();
assert.deepEqual(
  available.map(({ name }) => name),
  ["js"],
);
const missing = unavailableBackends().find(({ name }) => name === "native");
assert.match(missing?.reason ?? "", /^No native build was found for platform=/);
assert.deepEqual([...quantizeLinear(Float32Array.of(0.5, 1.5, NaN), { scale: 1 })], [0, 2, -128]);
const warning = await warned;
assert.equal(warning.code, "MODELPRESS_NO_ADDON");
console.log(warning.message);

// Quantize in a service: an HTTP server takes float32 vectors in the body of a request and answers with int8 ones, as a search index
// or a cache keeps them. The kernel reads the bytes of the request where they lie and works off the event loop.
//   node examples/service.mjs
import { createServer } from "node:http";
import { computeQuantParams, minMaxAsync, quantizeLinearAsync } from "modelpress";

/** The body as float32 values, without a copy where they lie on a multiple of 4 bytes. @param {Buffer} body */
function floatsIn(body) {
  if (body.byteLength % 4 !== 0) throw new RangeError("a body of float32 values has a multiple of 4 bytes");
  const { buffer, byteOffset, byteLength } = body.byteOffset % 4 === 0 ? body : Uint8Array.from(body);
  return new Float32Array(buffer, byteOffset, byteLength / 4);
}

export const server = createServer(async (request, response) => {
  // A client that goes away stops the work that nobody waits for any more.
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  try {
    const chunks = await request.toArray();
    const x = floatsIn(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    const { min, max } = await minMaxAsync(x, { signal: gone.signal });
    const { scale, zeroPoint } = computeQuantParams({ min, max, dtype: "int8" });
    const y = await quantizeLinearAsync(x, { scale, zeroPoint, signal: gone.signal });
    response.writeHead(200, {
      "content-type": "application/octet-stream",
      "x-scale": scale,
      "x-zero-point": zeroPoint,
    });
    response.end(Buffer.from(y.buffer, y.byteOffset, y.byteLength));
  } catch (error) {
    if (!gone.signal.aborted) response.writeHead(400).end(`${error}\n`);
  }
});

if (process.argv[1] === new URL(import.meta.url).pathname) {
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const vector = Float32Array.from({ length: 768 }, (_, i) => Math.sin(i));
  const answer = await fetch(`http://127.0.0.1:${port}`, { method: "POST", body: vector });
  const quantized = new Int8Array(await answer.arrayBuffer());
  const scale = Number(answer.headers.get("x-scale"));
  const zeroPoint = Number(answer.headers.get("x-zero-point"));
  const worst =
    Math.max(...quantized.map((q, i) => Math.abs((q - zeroPoint) * scale - (vector[i] ?? 0)) * 1000)) / 1000;
  console.log(
    `${vector.byteLength} bytes became ${quantized.byteLength}, off by at most ${worst.toFixed(4)}`,
  );
  server.close();
}

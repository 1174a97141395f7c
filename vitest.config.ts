import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These need a server: npm run test:redis.
    exclude: ["test/with-redis/**"],
    // onnxruntime and the addon live in processes of their own, as they do in a service.
    pool: "forks",
    // Else one on two cores.
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
    // onnxruntime would report every model of the tests to its makers.
    env: { ORT_DISABLE_TELEMETRY: "1" },
  },
});

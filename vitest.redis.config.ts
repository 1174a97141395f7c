import { defineConfig } from "vitest/config";

// Needs a redis-server on the path; .ci/run installs one.
export default defineConfig({ test: { include: ["test/with-redis/*.test.ts"] } });

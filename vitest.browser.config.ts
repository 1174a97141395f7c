import { defineConfig } from "vitest/config";

/** Tests that need Chromium, apart from the others: where it is missing they fail and do not skip. */
export default defineConfig({
  test: {
    include: ["test/browser/**/*.browser.ts"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    retry: 0,
  },
});

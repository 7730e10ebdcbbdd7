import { readdirSync } from 'node:fs';

import { defineConfig } from 'vite';

// npm test: the tests of test/ as files that Node itself runs, so that no other tool is needed.
export default defineConfig({
  build: {
    ssr: true,
    outDir: 'node_modules/.tests',
    emptyOutDir: true,
    target: 'es2023',
    rollupOptions: {
      input: readdirSync('test').filter((name) => name.endsWith('.test.ts')).map((name) => `test/${name}`),
    },
  },
});

import { defineConfig } from 'vite';

// The built files are kept in the tree and put into the program: nothing inlined that a strict
// Content-Security-Policy would refuse, and the same bytes whenever the same sources are built. What the
// page loads has a digest in its name, so that browsers keep it, and a page never gets a part of another version.
const kPart = 'assets/[name]-[hash][extname]';
export default defineConfig({
  base: './',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        entryFileNames: 'assets/console-[hash].js',
        // The YAML library calls its file by where it runs.
        chunkFileNames: ({ name }) => `assets/${name === 'browser' ? 'yaml' : '[name]'}-[hash].js`,
        assetFileNames: kPart,
      },
    },
  },
  // Paints the map.
  worker: { format: 'es', rollupOptions: { output: { entryFileNames: 'assets/map-[hash].js', assetFileNames: kPart } } },
  server: {
    // npm run dev: SKIFF_SERVER=https://127.0.0.1:6443 is whom the page then talks to.
    proxy: Object.fromEntries(
      ['/api', '/apis', '/version', '/openapi', '/console/login', '/console/challenge'].map((path) => [
        path,
        { target: process.env.SKIFF_SERVER ?? 'https://127.0.0.1:6443', secure: false, ws: true },
      ]),
    ),
  },
});

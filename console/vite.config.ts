import { defineConfig } from 'vite';

// The built files are kept in the tree and put into the program: names without hashes (the server
// gives each an ETag), nothing inlined that a strict Content-Security-Policy would refuse, and the
// same bytes whenever the same sources are built.
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
        entryFileNames: 'console.js',
        // The YAML library calls its file by where it runs.
        chunkFileNames: ({ name }) => (name === 'browser' ? 'yaml.js' : '[name].js'),
        assetFileNames: '[name][extname]',
      },
    },
  },
  // Paints the map.
  worker: { format: 'es', rollupOptions: { output: { entryFileNames: 'map.js', assetFileNames: '[name][extname]' } } },
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

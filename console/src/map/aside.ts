// The worker that paints, where the browser can have one.
let isBroken = false; // One was tried, and did not begin.

export function canPaintAside(): boolean {
  return !isBroken && typeof Worker === 'function' && typeof OffscreenCanvas === 'function' &&
    'transferControlToOffscreen' in HTMLCanvasElement.prototype;
}

// Throws where the browser does not let it.
export function workerOr(broken: () => void): Worker {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  worker.onerror = () => {
    isBroken = true;
    worker.terminate();
    broken();
  };
  return worker;
}

// What tests use of Node.
declare module 'node:test' {
  export function test(name: string, body: () => void | Promise<void>): void;
  export const mock: {
    timers: {
      enable(which: { apis: ('setTimeout' | 'Date')[]; now?: number }): void;
      tick(ms: number): void;
      setTime(ms: number): void;
      reset(): void;
    };
  };
}
declare function setImmediate(work: (value?: unknown) => void): void;
declare module 'node:assert/strict' {
  interface Assert {
    (value: unknown, message?: string): asserts value;
    equal(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    throws(body: () => unknown, expected?: RegExp): void;
    match(text: string, expected: RegExp, message?: string): void;
  }
  const assert: Assert;
  export default assert;
}
declare module 'node:crypto' {
  interface Encodings {
    modulusLength?: number;
    namedCurve?: string;
    publicKeyEncoding: { type: 'spki'; format: 'der' };
    privateKeyEncoding: { type: string; format: 'pem'; cipher?: string; passphrase?: string };
  }
  export function generateKeyPairSync(
    kind: 'rsa' | 'ec' | 'ed25519',
    encodings: Encodings,
  ): { publicKey: Uint8Array<ArrayBuffer>; privateKey: string };
}

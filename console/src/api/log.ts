// A container's log as it comes.
import { ask } from './request';

// Returns when it has ended; throws what the server said, or when `stop` breaks it off.
export async function readLog(path: string, stop: AbortSignal, take: (text: string) => void): Promise<void> {
  const response = await ask(path, { signal: stop, accept: '*/*' });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    take(value);
  }
}

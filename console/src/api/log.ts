// A container's log as it comes.
import { ask } from './request';

// Returns when it has ended; throws what the server said, or when `stop` breaks it off. `opened`: it answers.
export async function readLog(path: string, stop: AbortSignal, take: (text: string) => void, opened?: () => void): Promise<void> {
  const response = await ask(path, { signal: stop, accept: '*/*' });
  opened?.();
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    take(value);
  }
}

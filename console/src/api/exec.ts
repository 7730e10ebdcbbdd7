// A command in a container, over one WebSocket of v5.channel.k8s.io: each message begins with the
// number of its channel.
import { kinds, pathOf } from './kinds';
import { type ApiError, ask, base } from './request';
import { session } from './session';

const kStdin = 0;
const kStdout = 1;
const kStderr = 2;
const kError = 3;
const kResize = 4;
// Beyond what the connection has not taken yet nothing more is sent: a program that asks its terminal who it is,
// again and again, and reads none of the answers would fill this page with them.
const kUnsentMax = 1 << 20;

interface ExecEvents {
  opened(): void;
  output(bytes: Uint8Array): void;
  // "": it ended by itself, with exit code 0.
  ended(why: string): void;
}

function base64Url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

function whyOf(text: string): string {
  try {
    const status = JSON.parse(text) as { status?: string; message?: string };
    return status.status === 'Success' ? '' : (status.message ?? text);
  } catch {
    return text;
  }
}

// No page is told why a WebSocket was refused: what the server answers to the same request without one. Who may not,
// may lack either verb. '': it would have let it be.
async function refusalOf(path: string): Promise<string> {
  for (const method of [undefined, 'POST']) {
    const refused = await ask(path, { method }).then(() => null, (error: ApiError) => error);
    if (refused && refused.code !== 400) return refused.message;
  }
  return '';
}

export class Exec {
  private readonly socket: WebSocket;
  private why: string | null = null;
  private isClosed = false;
  private readonly encoder = new TextEncoder();

  constructor(namespace: string, pod: string, container: string, command: string[], events: ExecEvents) {
    const query = new URLSearchParams({ container, stdin: 'true', stdout: 'true', tty: 'true' });
    for (const word of command) query.append('command', word);
    const path = `${pathOf(kinds.pods, namespace, pod)}/exec?${query}`;
    const url = new URL(base + path, location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const protocols = ['v5.channel.k8s.io'];
    // A page cannot give a WebSocket headers: the token is one of the protocols that it offers.
    const token = session.value?.token;
    if (token) protocols.push(`base64url.bearer.authorization.k8s.io.${base64Url(token)}`);
    this.socket = new WebSocket(url, protocols);
    this.socket.binaryType = 'arraybuffer';
    let isOpen = false;
    this.socket.onopen = () => {
      isOpen = true;
      events.opened();
    };
    this.socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      const bytes = typeof data === 'string' ? this.encoder.encode(data) : new Uint8Array(data);
      const rest = bytes.subarray(1);
      if (bytes[0] === kStdout || bytes[0] === kStderr) events.output(rest);
      if (bytes[0] === kError && rest.length > 0) this.why = whyOf(new TextDecoder().decode(rest));
    };
    this.socket.onclose = (event) => {
      const why = this.why ?? (event.reason || (event.code === 1000 ? '' : `${event.code}`));
      if (isOpen) return events.ended(why);
      void refusalOf(path).then((said) => this.isClosed || events.ended(said || why));
    };
  }

  type(text: string): void {
    this.send(kStdin, this.encoder.encode(text));
  }

  resize(columns: number, rows: number): void {
    this.send(kResize, this.encoder.encode(JSON.stringify({ Width: columns, Height: rows })));
  }

  close(): void {
    this.isClosed = true;
    this.socket.onclose = null;
    this.socket.close();
  }

  private send(channel: number, bytes: Uint8Array): void {
    if (this.socket.readyState !== WebSocket.OPEN || this.socket.bufferedAmount > kUnsentMax) return;
    const message = new Uint8Array(bytes.length + 1);
    message[0] = channel;
    message.set(bytes, 1);
    this.socket.send(message);
  }
}

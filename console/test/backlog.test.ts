import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backlog } from '../src/model/backlog';

// A terminal that draws what it is told to, and not before.
function terminal() {
  const waiting: { bytes: Uint8Array; drawn: () => void }[] = [];
  let text = '';
  const backlog = new Backlog(
    (bytes, drawn) => waiting.push({ bytes, drawn }),
    (bytes) => new TextEncoder().encode(`[${bytes} left out]\n`),
  );
  return {
    backlog,
    print: (said: string) => backlog.take(new TextEncoder().encode(said)),
    held: () => waiting.reduce((sum, { bytes }) => sum + bytes.length, 0),
    draw(most = Infinity) {
      for (let at = 0; at < most && waiting.length > 0; at += 1) {
        const { bytes, drawn } = waiting.shift()!;
        text += new TextDecoder().decode(bytes);
        drawn();
      }
      return text;
    },
  };
}

test('what is drawn in time is drawn whole', () => {
  const { print, draw } = terminal();
  let all = '';
  for (let line = 0; line < 5_000; line += 1) {
    all += `line ${line}\n`;
    print(`line ${line}\n`);
    if (line % 100 === 0) draw();
  }
  assert.equal(draw(), all);
});

test('a command that prints without end fills no memory, and its last words are drawn', () => {
  const { print, draw, held } = terminal();
  const line = `${'y'.repeat(31)}\n`;
  for (let megabyte = 0; megabyte < 64; megabyte += 1) {
    for (let piece = 0; piece < 32; piece += 1) print(line.repeat(1024));
    assert.equal(held() <= 2 << 20, true, `${held()} bytes wait to be drawn`);
    if (megabyte % 16 === 15) draw(8);
  }
  print('$ ');
  const text = draw();
  assert.equal(text.endsWith(`${line}$ `), true, text.slice(-80));
  let said = 0;
  for (const [, bytes] of text.matchAll(/\[(\d+) left out\]\n/g)) said += Number(bytes);
  assert.equal(said > 0, true);
  assert.equal(text.replace(/\[\d+ left out\]\n/g, '').length + said, (64 << 20) + 2, 'nothing is left out unsaid');
});

test('what goes on begins with a line of its own', () => {
  const { print, draw } = terminal();
  print('x'.repeat(1 << 20));
  for (let piece = 0; piece < 40; piece += 1) print(`${'é'.repeat(2_000)}\nthe line ${piece}\n`);
  const text = draw();
  const after = text.slice(text.indexOf('left out]\n') + 'left out]\n'.length);
  assert.equal(/^(the line \d+|é+)\n/.test(after), true, after.slice(0, 40));
  assert.equal(text.endsWith('the line 39\n'), true);
});

test('a single piece is drawn however long it is', () => {
  const { print, draw } = terminal();
  print('a'.repeat(3 << 20));
  assert.equal(draw().length, 3 << 20);
});

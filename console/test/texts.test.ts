import assert from 'node:assert/strict';
import { test } from 'node:test';

import { duration } from '../src/model/age';
import { diffLines, hunks } from '../src/model/diff';
import { manifestOf, readManifest, wishOf } from '../src/model/manifest';
import { bytes, cores, quantity } from '../src/model/quantity';
import { pod } from './objects';

test('quantities of every kind are numbers', () => {
  assert.equal(quantity('250m'), 0.25);
  assert.equal(quantity('64Mi'), 64 * 2 ** 20);
  assert.equal(quantity('1e3'), 1000);
  assert.equal(quantity('1500000n'), 0.0015);
  assert.equal(quantity(''), 0);
  assert.equal(quantity('many'), 0);
  assert.equal(quantity(undefined), 0);
});

test('numbers are told as people read them', () => {
  assert.equal(cores(0.25), '250m');
  assert.equal(cores(24.3), '24.3');
  assert.equal(bytes(1536), '1.5 Ki');
  assert.equal(bytes(96 * 2 ** 30), '96 Gi');
});

test('ages are kubectl’s', () => {
  const of = (s: number) => duration(s * 1000);
  assert.deepEqual([of(0), of(119), of(120), of(125), of(700), of(8000), of(200_000), of(86_400 * 800)],
    ['0s', '119s', '2m', '2m5s', '11m', '133m', '2d7h', '2y']);
});

test('a diff has the lines that differ, and what is around them', () => {
  const lines = diffLines('a\nb\nc\nd', 'a\nx\nc\nd');
  assert.deepEqual(lines.map((each) => `${each.kind[0]}${each.text}`), ['sa', 'rb', 'ax', 'sc', 'sd']);
  const long = Array.from({ length: 30 }, (_, at) => `line ${at}`);
  const shown = hunks(diffLines(long.join('\n'), long.with(2, 'new').with(27, 'new').join('\n')), 2);
  assert.equal(shown.filter((each) => each === null).length, 1, 'one gap between two places');
  assert.deepEqual(hunks(diffLines('a', 'a')), []);
});

test('a text that says something else than its object is refused', () => {
  const object = { ...pod('web'), apiVersion: 'v1', kind: 'Pod' };
  const text = manifestOf(object);
  const wanted = readManifest(text, object) as unknown as Record<string, unknown>;
  assert.equal(wanted.status, undefined);
  assert.throws(() => readManifest(text.replace('name: web', 'name: other'), object), /must stay/);
  assert.throws(() => readManifest('a: [', object), /no YAML/);
  assert.throws(() => readManifest('', object), /no YAML/);
  assert(!wishOf(object).includes('resourceVersion'));
  const applied = structuredClone(object);
  applied.metadata.annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}' };
  assert.equal(wishOf(applied), wishOf(object), 'kubectl’s record is nothing that anybody wants');
});

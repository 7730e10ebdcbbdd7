import assert from 'node:assert/strict';
import { test } from 'node:test';

import { duration } from '../src/model/age';
import { diffLines, hunks } from '../src/model/diff';
import { manifestOf, readManifest, readManifests, wishOf } from '../src/model/manifest';
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

test('a text is read as kubectl reads it', () => {
  const read = (values: string) => {
    const [wanted] = readManifests(`apiVersion: v1\nkind: X\nmetadata: {name: x}\nbase: &base {a: 1}\nspec: {${values}}`);
    return (wanted!.object as unknown as { spec: unknown }).spec;
  };
  assert.deepEqual(read('a: 0400, b: 0o400, c: 0x1F, d: 1_000, e: 0b11, f: -010'), { a: 256, b: 256, c: 31, d: 1000, e: 3, f: -8 });
  assert.deepEqual(read('a: yes, b: On, c: n, d: FALSE, e: ~, f: "yes"'), { a: true, b: true, c: false, d: false, e: null, f: 'yes' });
  assert.deepEqual(read('a: 1.5, b: .5, c: 1e3, d: 1., e: 089'), { a: 1.5, b: 0.5, c: 1000, d: 1, e: 89 });
  assert.deepEqual(read('a: 2026-01-02, b: 2026-01-02T03:04:05Z, c: 1:30, d: ., e: e5, f: 1.2.3, g: 0o9'),
    { a: '2026-01-02', b: '2026-01-02T03:04:05Z', c: '1:30', d: '.', e: 'e5', f: '1.2.3', g: '0o9' });
  assert.deepEqual(read('<<: *base, b: 2'), { a: 1, b: 2 });
  const object = { ...pod('web'), apiVersion: 'v1', kind: 'Pod' };
  const mode = manifestOf(object).replace(/^spec:/m, 'spec:\n  mode: 0400');
  assert.equal((readManifest(mode, object) as unknown as { spec: { mode: number } }).spec.mode, 256);
});

test('what is written for eyes is the same when it is read, by kubectl as well', () => {
  const texts = ['yes', 'y', 'Off', '0400', '0o17', '0x1F', '1_000', '0b11', '1:30', '2026-01-02', '.', 'e5', '1e3', '~', 'null', '.inf', '089', ' a', '#a', 'a: b'];
  const object = { ...pod('web'), apiVersion: 'v1', kind: 'Pod', spec: { texts, numbers: [0, 0o400, 1.5, 1e21], yes: true, nothing: null } };
  const text = manifestOf(object as never);
  assert.deepEqual((readManifest(text, object as never) as unknown as typeof object).spec, object.spec);
  for (const each of texts) assert(text.includes(`"${each}"`), `${each} is in quotes`);
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

test('of a text that is no YAML it is said what and where, without the parser’s drawing', () => {
  const object = { ...pod('web'), apiVersion: 'v1', kind: 'Pod' };
  for (const read of [() => readManifest('kind: Pod\n\tx: 1', object), () => readManifests('kind: Pod\n\tx: 1')]) {
    assert.throws(read, /This is no YAML: .* at line 2, column 1$/);
  }
});

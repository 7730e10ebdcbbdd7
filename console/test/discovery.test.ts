import assert from 'node:assert/strict';
import { test } from 'node:test';

import { kindByName, kinds } from '../src/api/kinds';
import { cellText, kindsOf, shownColumns } from '../src/model/discovery';
import { heldBy } from '../src/model/held';

const kVerbs = ['list', 'watch', 'get'];

test('kinds are those that can be listed, each once, in the version that the server prefers', () => {
  const of = (resource: string, kind: string, verbs = kVerbs) => ({ resource, responseKind: { kind }, scope: 'Namespaced', verbs });
  const found = kindsOf([
    { items: [{ metadata: { name: '' }, versions: [{ version: 'v1', resources: [of('pods', 'Pod'), of('bindings', 'Binding', ['create'])] }] }] },
    { items: [
      { metadata: { name: 'example.com' }, versions: [{ version: 'v2', resources: [of('pods', 'Pod')] }, { version: 'v1', resources: [of('pods', 'Pod'), of('olds', 'Old', ['list'])] }] },
      { metadata: { name: 'apps' }, versions: [{ version: 'v1', resources: [of('deployments', 'Deployment')] }] },
      { versions: [] },
    ] },
  ], kindByName);
  assert.deepEqual(found.map((each) => each.name), ['deployments', 'olds.example.com', 'pods', 'pods.example.com']);
  assert.equal(found[0]!.kind, kinds.deployments, 'what the console knows is the same object');
  assert.deepEqual(found.map((each) => each.kind.version), ['v1', 'v1', 'v1', 'v2']);
  assert.deepEqual(found.map((each) => each.follows), [true, false, true, true]);
});

test('what a server of others calls its kinds leads nowhere else', () => {
  const verbs = kVerbs;
  const named = (name: string, version: string, resource: string) => ({ metadata: { name }, versions: [{ version, resources: [{ resource, verbs }] }] });
  const items = [
    named('example.com', 'v1', '../../../api/v1/secrets'), named('example.com', '..', 'as'), named('../api', 'v1', 'bs'),
    named('example.com', 'v1', 'cs?a=b'), named('example.com', 'v1', 'ds#'), named('example.com', 'v1', 'es'),
  ];
  assert.deepEqual(kindsOf([{ items }], kindByName).map((each) => each.name), ['es.example.com']);
});

test('of a table the name stands in front, and what needs width is left out', () => {
  const shown = shownColumns([
    { name: 'Name', format: 'name' }, { name: 'Data', type: 'integer' }, { name: 'Node', priority: 1 }, { name: 'Age' },
  ]);
  assert.deepEqual(shown.map((each) => [each.at, each.title, each.isNumber, each.isAge]), [[1, 'Data', true, false], [3, 'Age', false, true]]);
  assert.deepEqual([cellText(null), cellText(3), cellText({ a: 1 })], ['', '3', '{"a":1}']);
});

test('what a Secret holds is decoded, where it is a text', () => {
  const held = heldBy({ data: { b: btoa('one\ntwo'), a: btoa('\0\x01'), c: '%' } }, true);
  assert.deepEqual(held, [{ key: 'a', bytes: 2, text: null }, { key: 'b', bytes: 7, text: 'one\ntwo' }, { key: 'c', bytes: 0, text: '' }]);
  assert.deepEqual(heldBy({ data: { a: 'ä' }, binaryData: { z: 'AAEC' } }, false),
    [{ key: 'a', bytes: 2, text: 'ä' }, { key: 'z', bytes: 3, text: null }]);
});

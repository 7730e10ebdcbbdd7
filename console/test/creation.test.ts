import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Condition, Obj } from '../src/api/types';
import { inOrder, kindFor, madeByText, spaceOf, stateAfter, stateBefore } from '../src/model/creation';
import { documentAround } from '../src/model/completion';
import { factsOf, toneOf } from '../src/model/facts';
import { kindAround, readManifests } from '../src/model/manifest';

const kTwo = `# both
apiVersion: v1
kind: ConfigMap
metadata: {name: one, uid: x, resourceVersion: "7"}
data: {a: b}
status: {gone: true}
---
---
apiVersion: v1
kind: List
items:
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: two}}
- apiVersion: v1
  kind: SecretList
  items: [{apiVersion: v1, kind: Secret, metadata: {generateName: three-}}]
`;

test('a text has several objects, also in lists, each with its line and without what the server writes', () => {
  const all = readManifests(kTwo);
  assert.deepEqual(all.map(({ object, line }) => [object.kind, object.metadata.name, line]),
    [['ConfigMap', 'one', 2], ['Deployment', 'two', 9], ['Secret', undefined, 9]]);
  assert.deepEqual(all[0]!.object, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' }, data: { a: 'b' } });
  assert.deepEqual(readManifests('# nothing\n---\n'), []);
  assert.equal(readManifests('{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}').length, 1);
});

test('what is no object is told with its line', () => {
  const failing = (text: string, why: RegExp) => assert.throws(() => readManifests(text), why);
  failing('a: [', /no YAML/);
  failing('apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n- 1\n', /Line 5: this is no object/);
  failing('kind: Pod\n', /Line 1: .*apiVersion and kind/);
  failing('---\napiVersion: v1\nkind: Pod\n', /Line 2: .*metadata.name/);
  failing('a: &a [*a]\n', /./);
});

test('the document around the cursor is the one that is completed', () => {
  const text = 'apiVersion: v1\nkind: Pod\n---\nkind: "Job"\napiVersion: batch/v1\n';
  assert.deepEqual(kindAround(text, 3), { apiVersion: 'v1', kind: 'Pod' });
  assert.deepEqual(kindAround(text, text.length), { apiVersion: 'batch/v1', kind: 'Job' });
  assert.equal(kindAround('kind: Pod\n', 0), null);
  assert.deepEqual(documentAround(text, 3), { from: 0, to: 25 });
  assert.deepEqual(documentAround(text, text.length), { from: 29, to: text.length });
  assert.deepEqual(documentAround('', 0), { from: 0, to: 0 });
});

test('a kind is had in the version that the text says', () => {
  const kind = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };
  const offered = [{ name: 'deployments', kind, short: [], follows: true }];
  assert.equal(kindFor(offered, { apiVersion: 'apps/v1', kind: 'Deployment' }), kind);
  assert.deepEqual(kindFor(offered, { apiVersion: 'apps/v1beta1', kind: 'Deployment' }), { ...kind, version: 'v1beta1' });
  assert.equal(kindFor(offered, { apiVersion: 'v1', kind: 'Deployment' }), undefined);
});

test('what may not be read is not called new', () => {
  assert.deepEqual([stateBefore('no', true), stateBefore('yes', true), stateBefore('yes', false)], ['makes', 'changes', 'same']);
  assert.deepEqual([stateBefore('unknown', true), stateBefore('unknown', false)], ['hidden', 'hidden']);
  assert.deepEqual([stateAfter('no'), stateAfter('yes'), stateAfter('unknown')], ['made', 'changed', 'changed']);
});

test('an object that names no namespace is where it was looked at', () => {
  const kind = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };
  const object = (metadata: object) => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata }) as unknown as Obj;
  assert.equal(spaceOf(kind, object({ name: 'web' }), 'shop'), 'shop');
  assert.equal(spaceOf(kind, object({ name: 'web', namespace: 'sea' }), 'shop'), 'sea');
  assert.equal(spaceOf(kind, object({ name: 'web', namespace: '' }), ''), 'default', 'as kubectl does');
  assert.equal(spaceOf({ ...kind, namespaced: false }, object({ name: 'web', namespace: 'sea' }), 'shop'), '');
});

test('what the text itself makes comes first, and what needs it waits for it', () => {
  const all = readManifests(`{apiVersion: x.example/v1, kind: Boat, metadata: {name: a, namespace: sea}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: sea}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: b}, spec: {group: x.example, names: {kind: Boat}}}
---
{apiVersion: y.example/v1, kind: Boat, metadata: {name: a}}
`);
  assert.deepEqual(inOrder(all).map(({ object }) => object.kind), ['Namespace', 'CustomResourceDefinition', 'Boat', 'Boat']);
  assert.equal(madeByText(all, all[0]!.object, 'sea'), true);
  assert.equal(madeByText(all, all[1]!.object, ''), false);
  assert.equal(madeByText(all, all[3]!.object, 'sea'), true, 'by its namespace');
  assert.equal(madeByText(all, all[3]!.object, 'shop'), false);
});

test('facts are what the table of the server has, but for what stands there anyway', () => {
  const titles = [{ name: 'Name', format: 'name' }, { name: 'Ready', description: 'How many' }, { name: 'Age' }, { name: 'Images', priority: 1 }, { name: 'X' }];
  const row = { metadata: { name: 'a', uid: '', resourceVersion: '', creationTimestamp: '' }, cells: ['a', '1/2', '5m', 'q:1', '<none>'] };
  assert.deepEqual(factsOf(titles, row), [{ title: 'Ready', text: '1/2', about: 'How many' }, { title: 'Images', text: 'q:1', about: '' }]);
  assert.deepEqual(factsOf(titles, undefined), []);
});

test('a condition is good or bad by what it says, not by being true', () => {
  const tone = (type: string, status: string) => toneOf({ type, status } as Condition);
  assert.deepEqual([tone('Ready', 'True'), tone('Ready', 'False'), tone('DiskPressure', 'True'), tone('DiskPressure', 'False'), tone('Ready', 'Unknown')],
    ['good', 'warn', 'bad', 'good', 'warn']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { askedBy, isHeld } from '../src/model/asked';
import { pod } from './objects';

const asks = (name: string, cpu: string, more: object = {}) => ({ name, image: 'x', resources: { requests: { cpu, memory: '1Ki' } }, ...more });
const of = (spec: object) => askedBy(pod('a', { spec }));

test('a pod asks for what its containers and sidecars hold, or the largest before them', () => {
  const containers = [asks('a', '500m'), asks('b', '250m')];
  assert.deepEqual(of({ containers }), { cpu: 0.75, memory: 2048 });
  assert.equal(of({ containers, initContainers: [asks('i', '600m')] }).cpu, 0.75);
  assert.equal(of({ containers, initContainers: [asks('i', '2')] }).cpu, 2);
  assert.deepEqual(of({ containers, initContainers: [asks('s', '1', { restartPolicy: 'Always' })] }), { cpu: 1.75, memory: 3072 });
  assert.equal(of({ containers, initContainers: [asks('early', '2'), asks('s', '1', { restartPolicy: 'Always' }), asks('late', '2')] }).cpu, 3);
});

test('a pod may ask as a whole, and for what it costs besides', () => {
  const containers = [asks('a', '500m')];
  assert.deepEqual(of({ containers, resources: { requests: { cpu: '3' } } }), { cpu: 3, memory: 1024 });
  assert.deepEqual(of({ containers, overhead: { cpu: '100m', memory: '1Ki' } }), { cpu: 0.6, memory: 2048 });
});

test('who has ended holds nothing, however he ended', () => {
  assert.deepEqual(['Pending', 'Running', 'Succeeded', 'Failed'].map((phase) => isHeld(pod('a', { node: 'n', phase }))), [true, true, false, false]);
  assert.equal(isHeld(pod('a', { phase: 'Pending' })), false, 'no node has it');
});

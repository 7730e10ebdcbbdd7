import assert from 'node:assert/strict';
import { test } from 'node:test';

import { distance, nearest } from '../src/model/nearest';

test('a name is nearer than what it begins, and that than what it is within', () => {
  const far = ['shop', 'shop-2', 'default/shop', 'shop/web', 'workshop', 's-h-o-p', 'ship'].map((each) => distance(each, 'shop'));
  assert.deepEqual(far, [0, 1, 0, 2, 6, 1_007, null]);
});

test('of hundreds the nearest are shown, and how many are not', () => {
  const all = Array.from({ length: 500 }, (_, at) => `team-${at}`);
  assert.deepEqual(nearest(all, (each) => each, ' TEAM-42 ', 3), { shown: ['team-42', 'team-420', 'team-421'], left: 20 });
  assert.deepEqual(nearest(all, (each) => each, 'nobody', 3), { shown: [], left: 0 });
});

test('where nothing is typed they stay as they are', () => {
  assert.deepEqual(nearest(['b', 'a', 'c/d'], (each) => each, '', 2), { shown: ['b', 'a'], left: 1 });
});

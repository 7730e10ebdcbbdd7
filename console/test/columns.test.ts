import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fitting, leastOf } from '../src/model/columns';

test('a table is as wide as its columns are at least', () => {
  assert.equal(leastOf(['minmax(100px, 2fr)', '64px', 'minmax(90px, 1fr)'], 16, 12), 100 + 64 + 90 + 2 * 16 + 2 * 12);
  assert.equal(leastOf([], 16, 12), 24);
  assert.equal(leastOf(['1fr', '50px'], 10, 4), 50 + 10 + 8);
});

test('where there is too little room, what is least needed leaves first', () => {
  const all = [
    { width: 'minmax(100px, 2fr)' }, { width: '80px', wide: true }, { width: '60px', wide: 3 }, { width: '40px', wide: 2 }, { width: '50px', wide: true },
  ];
  const at = (room: number) => fitting(all, room, 10, 5).map((each) => each.width);
  assert.deepEqual(at(380), ['minmax(100px, 2fr)', '80px', '60px', '40px', '50px']);
  assert.deepEqual(at(379), ['minmax(100px, 2fr)', '80px', '40px', '50px']);
  assert.deepEqual(at(300), ['minmax(100px, 2fr)', '80px', '50px']);
  assert.deepEqual(at(250), ['minmax(100px, 2fr)', '80px']);
  assert.deepEqual(at(20), ['minmax(100px, 2fr)'], 'those without a number stay');
});

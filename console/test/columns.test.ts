import assert from 'node:assert/strict';
import { test } from 'node:test';

import { leastOf } from '../src/model/columns';

test('a table is as wide as its columns are at least', () => {
  assert.equal(leastOf(['minmax(100px, 2fr)', '64px', 'minmax(90px, 1fr)'], 16, 12), 100 + 64 + 90 + 2 * 16 + 2 * 12);
  assert.equal(leastOf([], 16, 12), 24);
  assert.equal(leastOf(['1fr', '50px'], 10, 4), 50 + 10 + 8);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isLongTurn, nextTurn } from '../src/api/turn';

test('who has much to do gives way now and then, and several share a turn', async () => {
  let [turns, pieces, longest] = [0, 0, 0];
  const work = async () => {
    for (let piece = 0; piece < 20; piece += 1) {
      // Whatever is there already comes in the same turn.
      await Promise.resolve();
      const end = performance.now() + 2;
      while (performance.now() < end);
      pieces += 1;
      longest = Math.max(longest, pieces);
      if (!isLongTurn()) continue;
      await nextTurn();
      if (pieces > 0) turns += 1;
      pieces = 0;
    }
  };
  await Promise.all([work(), work()]);
  assert.equal(turns >= 6, true, `${turns} turns`);
  assert.equal(longest <= 6, true, `${longest} of 40 pieces in one turn`);
});

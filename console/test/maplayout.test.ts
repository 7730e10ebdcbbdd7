import assert from 'node:assert/strict';
import { test } from 'node:test';

import { indexAt, layoutMap, squareAt } from '../src/model/maplayout';

test('squares stay where they are while there is room, and until there is much too much', () => {
  const first = layoutMap([60, 58, 60], 700, 520);
  const { room } = first.cards[0]!;
  assert(room >= 60);
  assert.equal(layoutMap([50, room, 41], 700, 520, first), first);
  assert.equal(layoutMap([50, room + 1, 41], 700, 520, first) === first, false);
  assert.equal(layoutMap([2, 3, 1], 700, 520, first) === first, false);
  assert.equal(layoutMap([50, 41], 700, 520, first) === first, false);
  assert.equal(layoutMap([50, room, 41], 500, 520, first) === first, false);
});

test('what grew has room to spare, and does not shrink before there is more to gain', () => {
  const counts = (each: number) => Array.from({ length: 50 }, () => each);
  const first = layoutMap(counts(100), 1060, 520);
  const { room } = first.cards[0]!;
  const grown = layoutMap(counts(room + 1), 1060, 520, first);
  assert(grown.cards[0]!.room >= (room + 1) * 1.15 - 1);
  assert.equal(layoutMap(counts(100), 1060, 520, grown), grown);
  assert.equal(layoutMap(counts(room + 5), 1060, 520, grown), grown);
  const more = layoutMap([...counts(100), 30], 1060, 520, first);
  assert(more.cards[50]!.room >= 34, 'one more card has room to spare from the beginning');
});

test('a point on or beside a square is on that one, and elsewhere on none', () => {
  const layout = layoutMap([7, 3], 500, 400);
  layout.cards.forEach((card, at) => {
    for (let index = 0; index < [7, 3][at]!; index += 1) {
      const { x, y } = squareAt(layout, card, index);
      assert.equal(indexAt(layout, card, x + 1, y + 1), index);
      assert.equal(indexAt(layout, card, x - 1, y + layout.size + 1), index);
    }
    assert.equal(indexAt(layout, card, card.x + card.width + 40, card.y + 50), -1);
    assert.equal(indexAt(layout, card, card.x + 20, card.y + card.height + 5), -1);
    assert.equal(indexAt(layout, card, card.x + 20, card.y + 5), -1);
  });
});

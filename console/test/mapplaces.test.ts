import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type MapGroup, MapPlaces } from '../src/model/mapplaces';

function group(key: string, count: number): MapGroup {
  return {
    key, title: key, sub: '', share: 0, tone: 'good',
    cells: Array.from({ length: count }, (_, at) => ({ key: `${key}${at}`, tone: 'good', name: '', word: '', href: '', place: `${at}` })),
  };
}

test('a pod is found by its key, and by any point on it', () => {
  const places = new MapPlaces();
  places.arrange([group('a', 30), group('b', 5)], 600);
  const square = places.by('b3')!;
  assert.equal(places.at(square.x + 2, square.y + 2)?.cell.key, 'b3');
  assert.equal(places.at(-5, -5), undefined);
  assert.equal(places.by('c0'), undefined);
  assert.equal(places.by(''), undefined);
});

test('arrow keys lead from pod to pod, and from card to card', () => {
  const places = new MapPlaces();
  places.arrange([group('a', 30), group('b', 5)], 600);
  const perRow = places.layout.cards[0]!.perRow;
  assert.equal(places.beside('', 'ArrowRight')?.cell.key, 'a0', 'the first one, where none was chosen');
  assert.equal(places.beside('a0', 'ArrowRight')?.cell.key, 'a1');
  assert.equal(places.beside('a29', 'ArrowRight')?.cell.key, 'b0');
  assert.equal(places.beside('b0', 'ArrowLeft')?.cell.key, 'a29');
  assert.equal(places.beside('a0', 'ArrowDown')?.cell.key, `a${perRow}`);
  assert.equal(places.beside(`a${perRow}`, 'ArrowUp')?.cell.key, 'a0');
  assert.equal(places.beside('a0', 'ArrowUp'), undefined);
});

test('while pods come and go within their room, places stay', () => {
  const places = new MapPlaces();
  places.arrange([group('a', 30), group('b', 25)], 600);
  const before = places.layout;
  places.arrange([group('a', 29), group('b', 25)], 600);
  assert.equal(places.layout, before);
  places.arrange([group('a', 400), group('b', 25)], 600);
  assert(places.layout !== before);
});

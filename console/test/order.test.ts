import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventObj, Obj } from '../src/api/types';
import { secondOf } from '../src/model/event';
import { byName, type Change, newestFirst, withChanges } from '../src/model/order';
import { Sifter } from '../src/model/sift';
import { event, meta } from './objects';

function named(number: number, version = '1', uid = `uid-${number}`): Obj {
  return { metadata: meta(`pod-${String(number).padStart(5, '0')}`, { uid, resourceVersion: version }) };
}

test('what changes in a long list is compared with a few of it, and all others stay', () => {
  const list = Array.from({ length: 5_000 }, (_, at) => named(at * 2)).sort(byName);
  let compared = 0;
  const counting = (a: Obj, b: Obj) => {
    compared += 1;
    return byName(a, b);
  };
  const changes: Change<Obj>[] = [
    { before: list[17], after: named(34, '2') },
    { before: list[4_000], after: undefined },
    { before: undefined, after: named(1) },
    { before: undefined, after: named(99_999) },
    // One of the same name that came after it was deleted.
    { before: list[100], after: undefined },
    { before: undefined, after: named(200, '9', 'uid-of-another') },
  ];
  const next = withChanges(list, changes, counting);
  assert.equal(compared < 200, true, `${compared} comparisons`);
  const gone = new Set(changes.map((each) => each.before));
  const wanted = [...list.filter((each) => !gone.has(each)), ...changes.flatMap((each) => each.after ?? [])].sort(byName);
  assert.deepEqual(next.map((each) => [each.metadata.uid, each.metadata.resourceVersion]),
    wanted.map((each) => [each.metadata.uid, each.metadata.resourceVersion]));
  assert.equal(list.length, 5_000);
  assert.equal(next[17 + 1]!.metadata.resourceVersion, '2');
});

test('any changes come to what sorting comes to', () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  let list: Obj[] = [];
  for (let round = 0; round < 200; round += 1) {
    const changes = new Map<number, Change<Obj>>();
    for (let count = random(6); count > 0; count -= 1) {
      const number = random(40);
      const before = list.find((each) => each.metadata.uid === `uid-${number}`);
      changes.set(number, { before, after: random(3) === 0 && before ? undefined : named(number, `${round}`) });
    }
    const gone = new Set([...changes.values()].map((each) => each.before));
    const wanted = [...list.filter((each) => !gone.has(each)), ...[...changes.values()].flatMap((each) => each.after ?? [])].sort(byName);
    list = withChanges(list, changes.values(), byName);
    assert.deepEqual(list, wanted);
  }
});

test('events of one second stand as they were written', () => {
  const at = (name: string, resourceVersion: string, times: object) => {
    const made = event(name, times);
    return { ...made, metadata: { ...made.metadata, resourceVersion } };
  };
  const scheduled = at('c', '98', { eventTime: '2026-01-02T03:04:05.700000Z' });
  const pulled = at('d', '99', { lastTimestamp: '2026-01-02T03:04:05Z' });
  const created = at('b', '100', { lastTimestamp: '2026-01-02T03:04:05Z' });
  const before = at('a', '101', { lastTimestamp: '2026-01-02T03:04:04Z' });
  const list = [created, pulled, scheduled, before];
  assert.deepEqual([scheduled, before, created, pulled].sort(newestFirst), list);
  const bySecond = { id: 'seen', key: (each: EventObj) => -secondOf(each), down: false };
  assert.deepEqual(new Sifter<EventObj>().sift(list, { words: [], textOf: () => '', by: bySecond }), list);
});

test('an event that is seen again comes first', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name, at) => event(name, { lastTimestamp: `2026-01-02T03:04:0${at}Z` }));
  const again = { ...a!, lastTimestamp: '2026-01-02T03:04:09Z' };
  const list = withChanges([a!, b!, c!].sort(newestFirst), [{ before: a, after: again }], newestFirst);
  assert.deepEqual(list, [again, c, b]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Sifter } from '../src/model/sift';

interface Row {
  name: string;
  size: number;
}

const textOf = ({ name }: Row) => name;
const size = { id: 'size', key: (row: Row) => row.size, down: false };

function names(rows: Row[]): string {
  return rows.map(({ name }) => name).join(' ');
}

test('rows fit all words, in either case, and are sorted either way', () => {
  const sifter = new Sifter<Row>();
  const rows = [{ name: 'Web-2', size: 3 }, { name: 'web-1', size: 1 }, { name: 'db', size: 2 }];
  assert.equal(names(sifter.sift(rows, { words: [], textOf })), 'Web-2 web-1 db');
  assert.equal(names(sifter.sift(rows, { words: ['web', '2'], textOf })), 'Web-2');
  assert.equal(names(sifter.sift(rows, { words: [], textOf, by: size })), 'web-1 db Web-2');
  assert.equal(names(sifter.sift(rows, { words: ['web'], textOf, by: { ...size, down: true } })), 'Web-2 web-1');
});

test('equal rows stay as they were given, whatever the last order was', () => {
  const sifter = new Sifter<Row>();
  const rows = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, size: 1 }));
  sifter.sift([...rows].reverse(), { words: [], textOf, by: size });
  assert.equal(names(sifter.sift(rows, { words: [], textOf, by: size })), 'a b c d e');
  assert.equal(names(sifter.sift(rows, { words: [], textOf, by: { ...size, down: true } })), 'a b c d e');
});

test('rows that come, go and change are where a sort of all would have them', () => {
  const sifter = new Sifter<Row>();
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  let rows: Row[] = [];
  for (let round = 0; round < 60; round += 1) {
    rows = rows.filter(() => random() > 0.2).map((row) => (random() < 0.2 ? { ...row, size: Math.floor(random() * 9) } : row));
    for (let more = 0; more < 8; more += 1) rows.splice(Math.floor(random() * rows.length), 0, { name: `${round}-${more}`, size: Math.floor(random() * 9) });
    const wanted = rows.map((row, at) => ({ row, at })).sort((a, b) => a.row.size - b.row.size || a.at - b.at).map(({ row }) => row);
    assert.deepEqual(sifter.sift(rows, { words: [], textOf, by: size }), wanted);
  }
});

test('of a row that stays nothing is asked again', () => {
  const sifter = new Sifter<Row>();
  let asked = 0;
  const sieve = { words: ['w'], textOf: (row: Row) => (asked++, row.name), by: { ...size, key: (row: Row) => (asked++, row.size) } };
  const rows = [{ name: 'w1', size: 1 }, { name: 'w2', size: 2 }];
  sifter.sift(rows, sieve);
  assert.equal(asked, 4);
  sifter.sift([rows[1]!, { name: 'w3', size: 0 }], sieve);
  assert.equal(asked, 6);
});

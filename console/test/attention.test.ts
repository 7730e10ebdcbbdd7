import assert from 'node:assert/strict';
import { test } from 'node:test';

import { lookedAt } from '../src/model/attention';

const here = { loaded: true, refused: false };
const coming = { loaded: false, refused: false };
const hidden = { loaded: false, refused: true };

test('nothing is well before all is here', () => {
  assert.equal(lookedAt([here, coming]), 'waits');
  assert.equal(lookedAt([hidden, coming]), 'waits');
  assert.equal(lookedAt([here, here]), 'all');
});

test('what may not be seen is not waited for', () => {
  assert.equal(lookedAt([here, hidden]), 'part');
});

test('of what may not be seen any more, what is here is old', () => {
  assert.equal(lookedAt([here, { loaded: true, refused: true }]), 'part');
});

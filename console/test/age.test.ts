import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { age, heardTime, now } from '../src/model/age';

test('ages are by the server’s clock, whatever the browser’s says', () => {
  mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-01-02T03:00:00Z') });
  try {
    heardTime('Fri, 02 Jan 2026 03:04:00 GMT', Date.now() - 200);
    assert.equal(age('2026-01-02T03:02:00Z'), '2m', 'it is behind');
    mock.timers.setTime(Date.parse('2026-01-02T03:00:30Z'));
    heardTime(null, Date.now());
    assert.equal(age('2026-01-02T03:04:00Z'), '30s', 'an answer moves it on before a timer does');
    const before = now.value;
    heardTime('Fri, 02 Jan 2026 03:04:10 GMT', Date.now() - 25_000);
    heardTime(null, Date.now());
    heardTime('soon', Date.now());
    assert.equal(now.value, before, 'an answer that took long says little, and others nothing');
    mock.timers.setTime(Date.parse('2026-01-02T03:15:00Z'));
    heardTime('Fri, 02 Jan 2026 03:05:00 GMT', Date.now());
    assert.equal(age('2026-01-02T03:04:00Z'), '61s', 'it was set, and is ahead');
  } finally {
    mock.timers.reset();
  }
});

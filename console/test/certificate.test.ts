import assert from 'node:assert/strict';
import { test } from 'node:test';

import { certificateFacts, isForHost } from '../src/model/certificate';
import { kNamed, kOld, pem } from './certificates';

test('a certificate says which hosts it is for, and until when', () => {
  const named = certificateFacts(kNamed + kOld)!;
  assert.deepEqual(named.hosts, ['shop.example', '*.shop.example']);
  assert.equal(new Date(named.until).toISOString(), '2126-11-06T17:50:26.000Z', 'in a year of four digits');
  assert.deepEqual(['shop.example', 'WWW.shop.example', 'a.b.shop.example', 'other.example', 'example'].map((each) => isForHost(named, each)),
    [true, true, false, false, false]);
  const old = certificateFacts(kOld)!;
  assert.deepEqual(old.hosts, ['old.example']);
  assert.equal(new Date(old.until).toISOString(), '2026-12-30T17:50:26.000Z', 'in a year of two');
  for (const text of ['', 'no certificate', pem('AAAA'), pem('!'), pem(kOld.slice(40, 200).replace(/\n/g, ''))]) assert.equal(certificateFacts(text), null);
});

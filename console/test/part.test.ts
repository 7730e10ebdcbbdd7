import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isOther } from '../src/api/part';

test('a page of another version begins by another script', () => {
  const page = '<script type="module" src="./assets/console-aaaaaaaa.js"></script>';
  assert.equal(isOther(page, 'https://one:6443/console/assets/console-bbbbbbbb.js'), true);
  assert.equal(isOther(page, 'https://one:6443/console/assets/console-aaaaaaaa.js'), false);
  assert.equal(isOther('<title>Somewhere else</title>', 'https://one:6443/console/assets/console-bbbbbbbb.js'), false, 'no page of the console');
  assert.equal(isOther(page, 'http://localhost:5173/src/api/part.ts'), false, 'while one works on it');
});

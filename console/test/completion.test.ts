import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Schemas, spotOf, suggest } from '../src/model/completion';

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const schemas: Schemas = {
  Deployment: { type: 'object', properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { allOf: [ref('Meta')] }, spec: { allOf: [ref('Spec')], description: 'What is wanted.' } } },
  Meta: { type: 'object', properties: { name: { type: 'string' }, labels: { type: 'object', additionalProperties: { type: 'string' } } } },
  Spec: { type: 'object', required: ['template'], properties: { replicas: { type: 'integer', description: 'How many.' }, paused: { type: 'boolean' }, template: { allOf: [ref('Template')] } } },
  Template: { type: 'object', properties: { containers: { type: 'array', items: { allOf: [ref('Container')] } } } },
  Container: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, image: { type: 'string' }, imagePullPolicy: { type: 'string', enum: ['Always', 'IfNotPresent', 'Never'] }, ports: { type: 'array', items: ref('Port') }, env: { type: 'array', items: ref('Port') } } },
  Port: { type: 'object', properties: { containerPort: { type: 'integer' }, name: { type: 'string' } } },
};

// What is offered where "|" stands.
function at(text: string): string[] {
  const spot = spotOf(text.replace('|', ''), text.indexOf('|'));
  return spot ? suggest(schemas, schemas.Deployment!, spot).map((each) => each.text) : ['-'];
}

test('fields of the object itself, and of what is in it', () => {
  assert.deepEqual(at('ki|'), ['kind']);
  assert.deepEqual(at('spec:\n  |'), ['template', 'paused', 'replicas']);
  assert.deepEqual(at('spec:\n  re|\nmetadata:\n'), ['replicas']);
  assert.deepEqual(at('spec:\n  replicas: 1\n  pa|'), ['paused']);
  assert.deepEqual(at('metadata:\n  labels:\n    a|'), [], 'any name will do');
});

test('what is there already is not offered again', () => {
  assert.deepEqual(at('spec:\n  replicas: 3\n  |\n  template:\n    containers: []\n'), ['paused']);
  assert.deepEqual(at('spec:\n  template:\n    containers:\n    - name: a\n      image: b\n      |\n    - name: c\n'), ['env', 'imagePullPolicy', 'ports']);
});

test('items of lists, wherever their dashes stand', () => {
  for (const pad of ['    ', '      ']) {
    assert.deepEqual(at(`spec:\n  template:\n    containers:\n${pad}- name: a\n${pad}  imageP|`), ['imagePullPolicy']);
    assert.deepEqual(at(`spec:\n  template:\n    containers:\n${pad}- |`), ['name', 'env', 'image', 'imagePullPolicy', 'ports']);
    assert.deepEqual(at(`spec:\n  template:\n    containers:\n${pad}- name: a\n${pad}  ports:\n${pad}  - cont|`), ['containerPort']);
    assert.deepEqual(at(`spec:\n  template:\n    containers:\n${pad}- ports:\n${pad}  - containerPort: 1\n${pad}    na|`), ['name']);
    assert.deepEqual(at(`spec:\n  template:\n    containers:\n${pad}- name: a\n${pad}- ima|`), ['image', 'imagePullPolicy']);
  }
  assert.deepEqual(at('spec:\n  template:\n    containers:\n    - name: a\n  pau|'), ['paused']);
});

test('values, where there are few', () => {
  assert.deepEqual(at('spec:\n  paused: |'), ['true', 'false']);
  assert.deepEqual(at('spec:\n  template:\n    containers:\n    - imagePullPolicy: I|'), ['IfNotPresent']);
  assert.deepEqual(at('spec:\n  replicas: |'), []);
});

test('nothing where nothing can be said', () => {
  assert.deepEqual(at('# sp|'), ['-']);
  assert.deepEqual(at('spec: {re|'), ['-']);
  assert.deepEqual(at('nothing:\n  of:\n    this|'), []);
});

test('what is put in lets one go on typing', () => {
  const of = (text: string) => suggest(schemas, schemas.Deployment!, spotOf(text, text.length)!).map((each) => [each.insert, each.type, each.about]);
  assert.deepEqual(of('spec:\n  repl'), [['replicas: ', 'integer', 'How many.']]);
  assert.deepEqual(of('spe'), [['spec:', 'object', 'What is wanted.']]);
  assert.deepEqual(of('spec:\n  template:\n    co'), [['containers:', '[]object', '']]);
});

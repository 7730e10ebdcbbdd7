// The sentences of cli/why/claim_test.cc: both say the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Claim, PersistentVolume, StorageClass } from '../src/api/types';
import { claimWhy, reasonsOf, usersOf } from '../src/model/claimwhy';
import { event, meta, pod } from './objects';

const kFacts = { classes: [], volumes: [], drivers: [], users: [], reasons: new Set<string>() };
const claim = (spec: Claim['spec'], more: object = {}): Claim =>
  ({ metadata: meta('data', more), spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } }, ...spec }, status: { phase: 'Pending' } });
const volume = (name: string, spec: PersistentVolume['spec']): PersistentVolume =>
  ({ metadata: { ...meta(name), namespace: undefined }, spec: { accessModes: ['ReadWriteOnce'], ...spec } });
const storage = (name: string, provisioner: string, volumeBindingMode = 'Immediate'): StorageClass =>
  ({ metadata: meta(name), provisioner, volumeBindingMode });

test('a claim without a class, or of one that is not there, says so', () => {
  assert.equal(claimWhy(claim({}), kFacts), 'it names no storage class, no class is the default, and no volume fits');
  assert.equal(claimWhy(claim({ storageClassName: '' }), { ...kFacts, volumes: [volume('a', { capacity: { storage: '1Gi' } }), volume('b', { capacity: { storage: '1536Mi' } })] }),
    'it names no storage class, which leaves it to volumes made by hand, and no volume fits; the nearest, b, is short by 512Mi');
  assert.equal(claimWhy(claim({ storageClassName: 'fast' }), kFacts), 'there is no storage class fast, which it names');
  assert.equal(claimWhy(claim({ storageClassName: 'fast' }), { ...kFacts, classes: null }), '', 'classes that may not be seen');
});

test('volumes that are made by hand need no object of their class', () => {
  const shared = volume('shared', { storageClassName: 'hand', accessModes: ['ReadOnlyMany'], capacity: { storage: '20Gi' } });
  const of = (...volumes: PersistentVolume[]) => claimWhy(claim({ storageClassName: 'hand' }), { ...kFacts, volumes });
  assert.equal(of(shared), 'no volume of class hand fits; the only one, shared, does not offer ReadWriteOnce, only ReadOnlyMany');
  const small = volume('small', { storageClassName: 'hand', capacity: { storage: '1Gi' } });
  assert.equal(of(shared, small), 'no volume of class hand fits; the nearest, small, is short by 1Gi');
  assert.match(of(shared, volume('large', { storageClassName: 'hand', capacity: { storage: '2Gi' } })), /^it is not bound yet to a volume of class hand/);
});

test('a claim that waits for its pod, or its provisioner, says for which', () => {
  const late = { ...kFacts, classes: [storage('late', 'csi.cloud', 'WaitForFirstConsumer')] };
  const of = (facts: object, more: object = {}) => claimWhy(claim({ storageClassName: 'late' }, more), { ...late, ...facts });
  assert.equal(of({}), 'it waits for a pod that uses it, as its class wants: nothing is wrong yet');
  assert.equal(of({ users: ['web'] }), 'it waits until pod web that uses it has a node');
  assert.equal(of({ users: ['a', 'b', 'c', 'd', 'e'] }), 'it waits until one of the pods a, b, c and 2 more that uses it has a node');
  assert.equal(of({ reasons: new Set(['ProvisioningFailed']) }), 'the provisioner csi.cloud fails to make a volume');
  assert.equal(of({}, { annotations: { 'volume.kubernetes.io/selected-node': 'n1' } }), 'the provisioner csi.cloud has made no volume for it yet');
  const hand = { ...kFacts, classes: [storage('late', 'kubernetes.io/no-provisioner')], volumes: [volume('v', { storageClassName: 'late', capacity: { storage: '1Gi' } })] };
  assert.equal(of(hand), 'no volume of class late fits; the nearest, v, is short by 1Gi');
});

test('a provisioner that is asked, and of which nothing is to be seen, may not run at all', () => {
  const cloud = { ...kFacts, classes: [storage('cloud', 'csi.cloud')], reasons: new Set(['ExternalProvisioning']) };
  const of = (facts: object) => claimWhy(claim({ storageClassName: 'cloud' }), { ...cloud, ...facts });
  assert.equal(of({}), 'its class leaves it to the provisioner csi.cloud, of which there is no sign here');
  const slow = 'the provisioner csi.cloud has made no volume for it yet';
  assert.equal(of({ drivers: [{ metadata: meta('csi.cloud') }] }), slow);
  assert.equal(of({ drivers: null }), slow, 'drivers that may not be seen');
  assert.equal(of({ reasons: new Set() }), slow, 'nobody has been asked yet');
  assert.equal(of({ reasons: new Set(['ExternalProvisioning', 'Provisioning']) }), slow, 'it has begun');
  assert.equal(of({ reasons: new Set(['ExternalProvisioning', 'ProvisioningFailed']) }), 'the provisioner csi.cloud fails to make a volume');
});

test('a claim that no volume fits does not wait for its pod', () => {
  const late = { ...kFacts, classes: [storage('hand', 'kubernetes.io/no-provisioner', 'WaitForFirstConsumer')] };
  const small = volume('small', { storageClassName: 'hand', capacity: { storage: '1Gi' } });
  const of = (facts: object) => claimWhy(claim({ storageClassName: 'hand' }), { ...late, volumes: [small], ...facts });
  assert.match(of({}), /nothing is wrong yet$/, 'a volume may come first');
  assert.equal(of({ users: ['db'] }), 'no volume of class hand fits; the nearest, small, is short by 1Gi');
  const large = volume('large', { storageClassName: 'hand', capacity: { storage: '40Gi' } });
  assert.equal(of({ users: ['db'], volumes: [small, large] }), 'it waits until pod db that uses it has a node');
});

test('of a volume that it names it says what is wrong with it', () => {
  const of = (spec: PersistentVolume['spec'], wanted: Claim['spec'] = {}) =>
    claimWhy(claim({ volumeName: 'v', ...wanted }), { ...kFacts, volumes: [volume('v', { capacity: { storage: '4Gi' }, ...spec })] });
  assert.equal(claimWhy(claim({ volumeName: 'v' }), kFacts), 'it names the volume v, which does not exist');
  assert.equal(of({ claimRef: { namespace: 'shop', name: 'other' } }), 'it names the volume v, which is taken for claim shop/other');
  assert.match(of({ claimRef: { namespace: 'shop', name: 'data', uid: 'older' } }), /that was deleted$/);
  assert.match(of({ accessModes: ['ReadOnlyMany'] }), /does not offer ReadWriteOnce, only ReadOnlyMany$/);
  assert.match(of({ volumeMode: 'Block' }), /is of volume mode Block$/);
  assert.match(of({}, { selector: { matchLabels: { disk: 'ssd' } } }), /does not have the labels/);
  assert.match(of({ capacity: { storage: '1Gi' } }), /is too small: 1Gi of 2Gi, short by 1Gi$/);
  assert.match(of({ storageClassName: 'other' }), /is of another class$/);
  assert.match(of({}), /is not bound to it yet$/);
});

test('who uses a claim, and whether a volume could be made', () => {
  const volumes = [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }];
  assert.deepEqual(usersOf(claim({}), [pod('web', { spec: { volumes } }), pod('other')]), ['web']);
  const twice = [...volumes, { name: 'again', persistentVolumeClaim: { claimName: 'data' } }];
  assert.deepEqual(usersOf(claim({}), [pod('web', { spec: { volumes: twice } })]), ['web'], 'once, however often');
  assert.deepEqual(usersOf({ ...claim({}), metadata: meta('web-d') }, [pod('web', { spec: { volumes: [{ name: 'd', ephemeral: {} }] } })]), ['web']);
  const failed = event('data.1', { reason: 'ProvisioningFailed', involvedObject: { kind: 'PersistentVolumeClaim', uid: 'uid-data' } });
  assert.deepEqual([[...reasonsOf(claim({}), [failed])], [...reasonsOf({ ...claim({}), metadata: meta('other') }, [failed])]], [['ProvisioningFailed'], []]);
});

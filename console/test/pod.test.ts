import assert from 'node:assert/strict';
import { test } from 'node:test';

import { containerTone, isRunning, loggedContainers, ownerOf, podState, podWhy, runningContainers } from '../src/model/pod';
import type { Job } from '../src/api/types';
import { jobState, runsOf } from '../src/model/job';
import { meta, pod } from './objects';

const waiting = (reason: string, message = '') => ({
  containerStatuses: [{ name: 'main', ready: false, restartCount: 3, image: '', state: { waiting: { reason, message } } }],
});

test('a pod that runs and is ready is good, one that is not is to be looked at', () => {
  assert.deepEqual(podState(pod('a')), { word: 'Running', tone: 'good', ready: 1, total: 1, restarts: 0 });
  assert.equal(podState(pod('a', { ready: false })).tone, 'warn');
});

test('why a container waits is the word of its pod', () => {
  const state = podState(pod('a', { status: waiting('ImagePullBackOff', 'no such image') }));
  assert.equal(state.word, 'ImagePullBackOff');
  assert.equal(state.tone, 'bad');
  assert.equal(state.restarts, 3);
  assert.equal(podState(pod('a', { status: waiting('ContainerCreating') })).tone, 'busy');
  assert.equal(podWhy(pod('a', { status: waiting('ImagePullBackOff', 'no such image') })), 'main: no such image');
});

test('of what does not run there is nothing to measure', () => {
  assert.equal(isRunning(pod('a')), true);
  assert.equal(isRunning(pod('a', { phase: 'Pending', status: { containerStatuses: undefined } })), false);
  assert.equal(isRunning(pod('a', { phase: 'Succeeded' })), false);
  assert.equal(isRunning(pod('a', { status: waiting('CrashLoopBackOff') })), false);
});

test('who crashes is told by how it ended, not by how long it is left alone', () => {
  const crashed = pod('a', {
    status: { containerStatuses: [{
      name: 'main', ready: false, restartCount: 4, image: '',
      state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } }, lastState: { terminated: { exitCode: 2, reason: 'Error' } },
    }] },
  });
  assert.equal(podWhy(crashed), 'main: exit code 2, Error');
});

test('a container that waits for long is as bad as its pod', () => {
  const of = (state: object, ready = false) => containerTone({ name: 'c', image: '', restartCount: 0, ready, state });
  assert.equal(of({ waiting: { reason: 'CrashLoopBackOff' } }), 'bad');
  assert.equal(of({ waiting: { reason: 'ContainerCreating' } }), 'busy');
  assert.equal(of({ running: {} }), 'warn');
  assert.equal(of({ running: {} }, true), 'good');
  assert.equal(of({ terminated: { exitCode: 0 } }), 'done');
  assert.equal(of({ terminated: { exitCode: 3 } }), 'bad');
  assert.equal(containerTone(undefined), 'busy');
});

test('a pod without a node says why', () => {
  const lone = pod('a', { phase: 'Pending', status: {
    containerStatuses: [], conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes are available' }],
  } });
  assert.equal(podState(lone).tone, 'warn');
  assert.equal(podWhy(lone), '0/3 nodes are available');
});

test('init containers and sidecars count as kubectl counts them', () => {
  const made = pod('a', {
    phase: 'Pending',
    spec: { initContainers: [{ name: 'first', image: '' }, { name: 'proxy', image: '', restartPolicy: 'Always' }] },
    status: {
      initContainerStatuses: [
        { name: 'first', ready: true, restartCount: 0, image: '', state: { terminated: { exitCode: 0 } } },
        { name: 'proxy', ready: false, restartCount: 0, image: '', state: { running: {} } },
      ],
    },
  });
  assert.equal(podState(made).word, 'Init:1/2');
  assert.equal(podState(made).total, 2);
});

test('what is being removed is going, whatever else it does', () => {
  const state = podState(pod('a', { meta: { deletionTimestamp: '2026-01-02T03:04:05Z' } }));
  assert.equal(state.word, 'Terminating');
  assert.equal(state.tone, 'gone');
});

test('a pod of a Deployment is the Deployment’s, not its ReplicaSet’s', () => {
  const owners = (name: string) => ({ ownerReferences: [{ kind: 'ReplicaSet', name, uid: 'u', controller: true }] });
  assert.equal(ownerOf(pod('a', { meta: { ...owners('web-abc'), labels: { 'pod-template-hash': 'abc' } } })), 'web');
  assert.equal(ownerOf(pod('a', { meta: owners('web-abc') })), 'web-abc');
  assert.equal(ownerOf(pod('a')), '');
});

test('the container that is meant comes first, those for debugging are there, and what went before is in logs alone', () => {
  const named = (name: string, more: object = {}) => ({ name, image: 'web:1', ...more });
  const whole = pod('a', {
    meta: { annotations: { 'kubectl.kubernetes.io/default-container': 'web' } },
    spec: {
      containers: [named('proxy'), named('web')], initContainers: [named('setup'), named('mesh', { restartPolicy: 'Always' })],
      ephemeralContainers: [named('debugger')],
    },
  });
  assert.deepEqual(runningContainers(whole), ['web', 'proxy', 'mesh', 'debugger']);
  assert.deepEqual(loggedContainers(whole), ['web', 'proxy', 'mesh', 'debugger', 'setup']);
  assert.deepEqual(runningContainers(pod('b')), ['main']);
});

test('a pod that was ended as a whole says by what, whatever its containers ended with', () => {
  const ended = (exitCode: number, reason: string) => pod('web', { phase: 'Failed', ready: false, status: {
    reason: 'Evicted', message: 'The node was low on resource: memory.',
    containerStatuses: [{ name: 'main', ready: false, restartCount: 0, image: 'web:1', state: { terminated: { exitCode, reason } } }],
  } });
  for (const each of [ended(0, 'Completed'), ended(137, 'Error')]) {
    assert.deepEqual([podState(each).word, podState(each).tone, podWhy(each)], ['Evicted', 'bad', 'The node was low on resource: memory.']);
  }
});

test('a CronJob has the Jobs that it controls, the newest first', () => {
  const cron = { metadata: meta('nightly'), spec: { schedule: '@daily', jobTemplate: {} } };
  const job = (name: string, owner: string, at: number, status: Job['status'] = {}): Job => ({
    metadata: meta(name, { creationTimestamp: `2026-01-0${at}T00:00:00Z`, ownerReferences: [{ kind: 'CronJob', name: owner, uid: `uid-${owner}`, controller: true }] }),
    spec: { template: { spec: { containers: [] } } }, status,
  });
  const jobs = [job('a', 'nightly', 1, { conditions: [{ type: 'Failed', status: 'True' }] }), job('b', 'other', 2), job('c', 'nightly', 3)];
  assert.deepEqual(runsOf(cron, jobs).map((each) => `${each.metadata.name} ${jobState(each).tone}`), ['c busy', 'a bad']);
});

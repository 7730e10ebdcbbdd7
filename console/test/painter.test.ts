import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Canvas, Painter } from '../src/map/painter';
import { markOf, serialIn, toneIn } from '../src/map/scene';
import { layoutMap } from '../src/model/maplayout';
import { kToneOrder, type Tone } from '../src/model/pod';

// As much of a canvas as the painter needs: how many squares of which colour were painted on it.
class Shapes {
  count = 0;
  rect(): void {
    this.count += 1;
  }
  roundRect(): void {
    this.count += 1;
  }
}

class FakeCanvas {
  width = 1;
  height = 1;
  fillStyle = '';
  painted = new Map<string, number>();
  private open = new Shapes();
  getContext(): unknown {
    return new Proxy(this, {
      get: (target, name) => {
        const known: unknown = name in target ? Reflect.get(target, name) : () => undefined;
        return typeof known === 'function' ? (known as () => unknown).bind(target) : known;
      },
    });
  }
  beginPath(): void {
    this.open = new Shapes();
  }
  roundRect(): void {
    this.open.count += 1;
  }
  rect(): void {
    this.open.count += 1;
  }
  fill(path?: Shapes): void {
    this.painted.set(this.fillStyle, (this.painted.get(this.fillStyle) ?? 0) + (path ?? this.open).count);
  }
  // Squares alone: lines of a card are two pixels high.
  fillRect(_x: number, _y: number, width: number, height: number): void {
    if (width === height) this.painted.set(this.fillStyle, (this.painted.get(this.fillStyle) ?? 0) + 1);
  }
  take(): Record<string, number> {
    const all = Object.fromEntries(this.painted);
    this.painted.clear();
    return all;
  }
}

class World {
  now = 1_000;
  heights: number[] = [];
  readonly above = new FakeCanvas();
  readonly below = new FakeCanvas();
  readonly staged = new FakeCanvas();
  readonly painter: Painter;
  private frames: (() => void)[] = [];

  constructor(paintMs = Infinity) {
    const scope = globalThis as unknown as Record<string, unknown>;
    scope.Path2D = Shapes;
    scope.requestAnimationFrame = (run: () => void) => this.frames.push(run);
    scope.cancelAnimationFrame = () => undefined;
    performance.now = () => this.now;
    const made = [this.staged, new FakeCanvas()];
    this.painter = new Painter({
      above: this.above as unknown as Canvas, below: this.below as unknown as Canvas, paintMs,
      make: () => made.shift() as unknown as Canvas, unveiled: (height) => this.heights.push(height),
    });
    this.painter.setLook({ colours: Object.fromEntries([...kToneOrder, 'card', 'gone'].map((each) => [each, each])), ratio: 1, isCalm: false });
  }

  // Two hundred cards have no heads, and so no texts.
  show(count: number, groups: Record<number, [number, Tone][]>, isSeen = true): void {
    this.painter.show({
      count, isSeen, layout: this.heights.length > 0 ? undefined : layoutMap(Array.from({ length: count }, () => 4), 800, 500),
      groups: Object.entries(groups).map(([at, cells]) => ({
        at: Number(at), head: { title: '', sub: '', share: 0, tone: 'good' },
        marks: Uint32Array.from(cells, ([serial, tone]) => markOf(serial, tone)),
      })),
    });
  }

  // Returns whether another one is due.
  frame(ms = 16): boolean {
    this.now += ms;
    for (const run of this.frames.splice(0)) run();
    return this.frames.length > 0;
  }
}

const kCards = 200;

function full(tone: Tone = 'good'): Record<number, [number, Tone][]> {
  return Object.fromEntries(Array.from({ length: kCards }, (_, at) => [at, [[at * 2 + 1, tone], [at * 2 + 2, tone]]]));
}

test('a mark is a pod and how it is', () => {
  const mark = markOf(70_000_000, 'gone');
  assert.deepEqual([serialIn(mark), toneIn(mark)], [70_000_000, 'gone']);
  assert.equal(Uint32Array.of(mark)[0], mark);
});

test('everything is painted aside, shown at once, and then nothing moves', () => {
  const world = new World();
  world.show(kCards, full());
  assert.equal(world.frame(), false, 'no frame is made while nothing moves');
  assert.equal(world.staged.take().good, kCards * 2);
  assert.equal(world.heights.length, 1);
  assert.equal(world.below.width, 800);
  assert.equal(world.below.take().good, undefined, 'it was copied');
});

test('where the page paints, none is seen before all are painted', () => {
  const world = new World(-1);
  world.show(kCards, full());
  let frames = 1;
  while (world.frame()) {
    frames += 1;
    assert.equal(world.heights.length, 0);
  }
  assert.equal(frames, kCards);
  assert.equal(world.heights.length, 1);
});

test('a pod that changes or comes moves for a moment, and its card alone is painted again', () => {
  const world = new World();
  world.show(kCards, full());
  world.frame();
  world.show(kCards, { 3: [[7, 'bad'], [8, 'good'], [9_000, 'good']] });
  assert.equal(world.frame(), true);
  assert.deepEqual(world.above.take(), { bad: 1, good: 1 });
  assert.deepEqual(world.below.take(), { card: 1, good: 1 }, 'what rests of that card');
  assert.equal(world.frame(1_000), false);
  assert.deepEqual(world.below.take(), { bad: 1, good: 1 }, 'they have come to rest');
  assert.deepEqual(world.above.take(), {});
});

test('a pod that goes to another card is the same', () => {
  const world = new World();
  world.show(kCards, full());
  world.frame();
  world.show(kCards, { 0: [[1, 'good']], 1: [[2, 'good'], [3, 'good'], [4, 'good']] });
  assert.equal(world.frame(), false, 'none came, went or changed');
  assert.deepEqual(world.below.take(), { card: 2, good: 4 });
});

test('what is on its way moves until it is there, and what is gone fades where somebody looks', () => {
  const world = new World();
  world.show(kCards, full('busy'));
  assert.equal(world.frame(), true);
  assert.equal(world.frame(5_000), true);
  world.show(kCards, full());
  world.frame();
  assert.equal(world.frame(1_000), false);
  world.show(kCards, { 5: [] });
  assert.equal(world.frame(), true, 'they fade');
  assert.equal(world.frame(1_000), false);
  world.show(kCards, { 6: [] }, false);
  assert.equal(world.frame(), false);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WireStage } from '../src/map/wirestage';
import type { Box, Column, Link } from '../src/model/topology';
import { gapsOf, isSameGap, wideOf } from '../src/model/wires';

// As much of a canvas as lines need: how many of which colour are on it, and how often it was emptied.
class FakeCanvas {
  width = 1;
  height = 1;
  strokeStyle = '';
  lines = new Map<string, number>();
  emptied = 0;
  getContext(): unknown {
    return new Proxy(this, {
      get: (target, name) => {
        const known: unknown = name in target ? Reflect.get(target, name) : () => undefined;
        return typeof known === 'function' ? (known as () => unknown).bind(target) : known;
      },
    });
  }
  clearRect(): void {
    this.emptied += 1;
    this.lines.clear();
  }
  stroke(): void {
    this.lines.set(this.strokeStyle, (this.lines.get(this.strokeStyle) ?? 0) + 1);
  }
}

let frames: (() => void)[] = [];
Object.assign(globalThis, {
  devicePixelRatio: 2,
  requestAnimationFrame: (run: () => void) => frames.push(run),
  cancelAnimationFrame: () => undefined,
});

function frame(): void {
  const due = frames;
  frames = [];
  for (const run of due) run();
}

function box(id: string, column: Column, y: number): Box {
  return { id, column, kind: '', name: id, space: '', tone: 'good', sub: '', lanes: [], y, height: 40 };
}

function link(from: string, to: string, weight = 1, tone: Link['tone'] = 'good'): Link {
  return { from, to, weight, tone, text: '' };
}

const boxes = new Map([box('service', 1, 0), box('web', 2, 100), box('n1', 3, 0), box('n2', 3, 60)].map((each) => [each.id, each]));
const links = [link('service', 'web', 9), link('web', 'n1'), link('web', 'n2'), link('web', 'n2', 1, 'busy')];
const widths = [50, 60, 70];

function stage() {
  const canvases = [new FakeCanvas(), new FakeCanvas(), new FakeCanvas()];
  return { canvases, stage: new WireStage(canvases as unknown as HTMLCanvasElement[], () => assert(false)) };
}

test('lines are told by gap, those that look alike together, from the middle of a box to that of the next', () => {
  const [first, second, third] = gapsOf(links, boxes);
  assert.deepEqual(first!.bundles, []);
  assert.deepEqual(second!.bundles, [{ tone: 'good', wide: wideOf(links[0]!), ends: Float32Array.of(20, 120) }]);
  assert.deepEqual(third!.bundles.map(({ tone, ends }) => [tone, [...ends]]), [['good', [120, 20, 120, 80]], ['busy', [120, 80]]]);
  assert.deepEqual(gapsOf([link('web', 'gone')], boxes).map(({ bundles }) => bundles), [[], [], []]);
});

test('a gap is the same as long as each line is', () => {
  const [, , one] = gapsOf(links, boxes);
  assert(isSameGap(one!, gapsOf([...links], boxes)[2]!));
  for (const other of [links.slice(0, 3), [...links, link('web', 'n1')], links.map((each) => ({ ...each, weight: 30 }))]) {
    assert.equal(isSameGap(one!, gapsOf(other, boxes)[2]!), false);
  }
  const moved = new Map([...boxes, ['n2', box('n2', 3, 61)]]);
  assert.equal(isSameGap(one!, gapsOf(links, moved)[2]!), false);
});

test('only gaps that look different are painted again, once a picture', () => {
  const world = stage();
  const look = { height: 700, colours: { good: 'green', busy: 'blue' } };
  world.stage.show(gapsOf(links, boxes), widths, look);
  assert.equal(world.canvases[2]!.emptied, 0, 'not before there is a picture');
  frame();
  const [, second, third] = world.canvases;
  assert.deepEqual(third!.lines, new Map([['green', 2], ['blue', 1]]));
  assert.deepEqual([third!.width, third!.height], [140, 2_048], 'as high as need be, in steps');
  world.stage.show(gapsOf(links, boxes), widths, look);
  assert.equal(frames.length, 0, 'all is as it was');
  world.stage.show(gapsOf(links.slice(0, 2), boxes), widths, look);
  world.stage.show(gapsOf(links.slice(0, 3), boxes), widths, look);
  frame();
  assert.deepEqual([second!.emptied, third!.emptied], [1, 2]);
  assert.deepEqual(third!.lines, new Map([['green', 2]]));
  world.stage.show(gapsOf(links.slice(0, 3), boxes), widths, { ...look, colours: { good: 'dark' } });
  frame();
  assert.deepEqual([second!.lines, third!.lines], [new Map([['dark', 1]]), new Map([['dark', 2]])]);
});

test('a canvas is never higher than browsers have them', () => {
  const world = stage();
  world.stage.show(gapsOf(links, boxes), widths, { height: 20_000, colours: { good: 'green', busy: 'blue' } });
  frame();
  assert.deepEqual(world.canvases.map((each) => each.height), [16_384, 16_384, 16_384]);
  assert.equal(world.canvases[2]!.width, 56, 'and as much narrower');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Component, h, options, render } from 'preact';

import { releaseWhatWasShown } from '../src/ui/release';

// As much of a document as Preact asks for.
class FakeNode {
  childNodes: FakeNode[] = [];
  parentNode: FakeNode | null = null;
  attributes: unknown[] = [];
  data = '';
  namespaceURI = 'http://www.w3.org/1999/xhtml';
  constructor(readonly localName: string) {}
  get firstChild(): FakeNode | null {
    return this.childNodes[0] ?? null;
  }
  get nextSibling(): FakeNode | null {
    const all = this.parentNode?.childNodes ?? [];
    return all[all.indexOf(this) + 1] ?? null;
  }
  insertBefore(node: FakeNode, next: FakeNode | null): void {
    node.remove();
    this.childNodes.splice(next ? this.childNodes.indexOf(next) : this.childNodes.length, 0, node);
    node.parentNode = this;
  }
  removeChild(node: FakeNode): void {
    this.childNodes.splice(this.childNodes.indexOf(node), 1);
    node.parentNode = null;
  }
  remove(): void {
    this.parentNode?.removeChild(this);
  }
  removeAttribute(): void {}
  setAttribute(): void {}
}

(globalThis as { document?: unknown }).document = {
  createElementNS: (_: string, name: string) => new FakeNode(name),
  createTextNode: (data: string) => Object.assign(new FakeNode('#text'), { data }),
};

interface Shown {
  pods: string[];
}

function List({ pods }: Shown) {
  return h('b', null, pods.join());
}

class View extends Component<object, Shown> {
  override state: Shown = { pods: ['first'] };
  static last: View;
  override componentDidMount(): void {
    View.last = this;
  }
  render() {
    return h('p', null, h(List, this.state));
  }
}

// Whatever can be come to from there.
function isHeld(wanted: unknown, from: unknown): boolean {
  const seen = new Set<unknown>();
  const todo = [from];
  while (todo.length > 0) {
    const next = todo.pop();
    if (next === wanted) return true;
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    todo.push(...Object.values(next));
  }
  return false;
}

function textOf(node: FakeNode): string {
  return node.data + node.childNodes.map(textOf).join('');
}

test('what a view showed first is not held by who made it', async () => {
  releaseWhatWasShown();
  (options as { debounceRendering?: (work: () => void) => void }).debounceRendering = (work) => work();
  const root = new FakeNode('div');
  // A child among somebody's properties, as that of a shell is.
  const page = () => h('main', null, h(View, null));
  render(page(), root as unknown as Element);
  const first = View.last.state.pods;
  assert.equal(textOf(root), 'first');
  assert.equal(isHeld(first, root), true);

  View.last.setState({ pods: ['second'] });
  const second = View.last.state.pods;
  assert.equal(textOf(root), 'second');
  View.last.setState({ pods: ['third'] });
  assert.equal(textOf(root), 'third');
  assert.equal(isHeld(first, root), false);
  assert.equal(isHeld(second, root), false);

  // By who made it, it is rendered as before.
  render(page(), root as unknown as Element);
  assert.equal(textOf(root), 'third');
  render(null, root as unknown as Element);
  assert.equal(textOf(root), '');
});

// Lets go of what components showed before. Preact renders one that changes by itself from a copy of its
// element. The element that its parent has made stays, as a child among the parent's properties, and keeps
// what it was first rendered to: whole lists of what there was when a view began, for as long as that is open.
import { options, type VNode } from 'preact';

// By the names that Preact's build gives them, which those who hook into it rely on, as @preact/signals does.
interface Rendered extends VNode {
  __k?: unknown[] | null; // What it was rendered to.
  __c?: { __v?: Rendered } | null; // Its component, which knows the element that it was last rendered from.
}
type Hook = ((vnode: Rendered, ...rest: unknown[]) => void) | undefined;
interface Hooks {
  __b?: Hook; // Before an element is rendered.
  __c?: Hook; // All of it stands on the page.
}

export function releaseWhatWasShown(): void {
  const hooks = options as Hooks;
  const { __b: begun, __c: done } = hooks;
  const before = new WeakMap<Rendered, Rendered>();
  hooks.__b = (vnode) => {
    // One that its parent renders has no component yet.
    const last = vnode.__c?.__v;
    if (last !== undefined && last !== vnode) before.set(vnode, last);
    begun?.(vnode);
  };
  hooks.__c = (vnode, ...rest) => {
    const last = before.get(vnode);
    if (last !== undefined) last.__k = null;
    before.delete(vnode);
    done?.(vnode, ...rest);
  };
}

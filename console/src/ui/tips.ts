// What there is no room for can be read all the same: the browser's own tip has all of a text that is cut off, once
// somebody points at it. Where a text says more than it shows, its title stays.

const kParents = 4; // A text may be in a link in a cell that is cut off.

function isCut(element: HTMLElement): boolean {
  const { overflow, textOverflow, webkitLineClamp } = getComputedStyle(element);
  if (textOverflow === 'ellipsis' && overflow !== 'visible') return element.scrollWidth > element.clientWidth;
  return /^\d+$/.test(webkitLineClamp) && element.scrollHeight > element.clientHeight;
}

export function tellWhatIsCut(): void {
  const told = new WeakSet<HTMLElement>(); // Which have a title of this.
  let last: EventTarget | null = null;
  // Told of the hand's own moves alone: what is scrolled past below a pointer that rests is not measured.
  addEventListener('pointermove', (event) => {
    if (event.target === last) return;
    last = event.target;
    let element = event.target instanceof HTMLElement ? event.target : null;
    for (let left = kParents; element !== null && left > 0; left -= 1, element = element.parentElement) {
      if (element.title !== '' && !told.has(element)) return;
      const cut = isCut(element);
      if (cut) element.title = element.innerText;
      else if (told.has(element)) element.removeAttribute('title');
      if (cut) {
        told.add(element);
        return;
      }
      told.delete(element);
    }
  }, { passive: true });
}

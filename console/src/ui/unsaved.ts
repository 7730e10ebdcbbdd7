// The browser asks before the tab goes, for as long as something is typed that is nowhere else, in whatever view.

// `holds`: whether there is such a thing now. For as long as the page lives.
export function askBeforeLeaving(holds: () => boolean): void {
  addEventListener('beforeunload', (event) => {
    if (holds()) event.preventDefault();
  });
}

// xterm.js writes style elements, which a strict Content-Security-Policy refuses. While it opens it is
// given elements without effect instead, whose text becomes a constructed style sheet: the policy has
// nothing against those.

interface Styles {
  dispose(): void;
}

export function withConstructedStyles(open: () => void): Styles {
  const sheets: CSSStyleSheet[] = [];
  const real = document.createElement.bind(document) as (tag: string, options?: ElementCreationOptions) => HTMLElement;

  const styleElement = (): HTMLElement => {
    const element = real('span');
    element.hidden = true;
    const sheet = new CSSStyleSheet();
    sheets.push(sheet);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    // At once, and not when an observer is told: sizes are measured right after they are written.
    Object.defineProperty(element, 'textContent', { set: (css: string) => sheet.replaceSync(css) });
    return element;
  };

  // All of its style elements are made while it opens; nothing else runs meanwhile.
  document.createElement = ((tag: string, options?: ElementCreationOptions) =>
    tag === 'style' ? styleElement() : real(tag, options)) as typeof document.createElement;
  try {
    open();
  } finally {
    // The document's own hides that of its prototype no more.
    delete (document as Partial<Document>).createElement;
  }
  return {
    dispose() {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => !sheets.includes(each));
    },
  };
}

// A text in YAML with its line numbers beside it, and what may stand at the cursor, by the schema of its
// kind. Tab leaves it, as everywhere, unless something is offered.
import { useEffect, useRef, useState } from 'preact/hooks';

import type { Kind } from '../api/kinds';
import { schemaOf } from '../api/schema';
import { documentAround, type Schema, type Schemas, type Spot, spotOf, suggest, type Suggestion } from '../model/completion';
import { t } from '../texts';

const kLine = 20;
const kTop = 12;
const kOfferedRows = 8;

interface Offer {
  all: Suggestion[];
  at: number;
  from: number; // What is typed of it begins there,
  to: number; // and ends here.
  line: number;
  column: number;
}

function Offered({ offer, scroll, onPick }: { offer: Offer; scroll: { top: number; left: number }; onPick: (at: number) => void }) {
  const first = Math.max(0, Math.min(offer.at - kOfferedRows + 1, offer.all.length - kOfferedRows));
  const chosen = offer.all[offer.at]!;
  return (
    <div class="offer" style={{ top: `${kTop + (offer.line + 1) * kLine - scroll.top + 2}px`, left: `calc(${offer.column}ch - ${scroll.left}px)` }}>
      <ul role="listbox" id="offer" aria-label={t.yaml.offered}>
        {offer.all.slice(first, first + kOfferedRows).map((each, index) => (
          <li key={each.text} id={`offer-${first + index}`} role="option" aria-selected={first + index === offer.at}
              onPointerDown={(event) => {
                event.preventDefault();
                onPick(first + index);
              }}>
            <span>{each.text}</span><small>{each.type}</small>
          </li>
        ))}
      </ul>
      {chosen.about && <p class="offer-about">{chosen.about}</p>}
    </div>
  );
}

// In the document that the cursor is in, of those that the text has.
function spotIn(text: string, cursor: number): Spot | null {
  const { from, to } = documentAround(text, cursor);
  const spot = spotOf(text.slice(from, to), cursor - from);
  return spot && { ...spot, from: spot.from + from };
}

// undefined: nobody knows yet what it will be.
function useSchema(kind: Kind | undefined) {
  const [known, setKnown] = useState<{ schemas: Schemas; root: Schema } | null>(null);
  useEffect(() => {
    let gone = false;
    setKnown(null);
    if (!kind) return;
    // Without one it is a plain editor.
    schemaOf(kind).then((found) => !gone && setKnown(found), () => undefined);
    return () => {
      gone = true;
    };
  }, [kind]);
  return known;
}

export function Editor(props: {
  kind: Kind | undefined;
  text: string;
  label?: string;
  onText: (text: string) => void;
  onCursor?: (at: number) => void;
  onSave: () => void;
}) {
  const { kind, text, onText, onSave } = props;
  const numbers = useRef<HTMLPreElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const [offer, setOffer] = useState<Offer | null>(null);
  const [scroll, setScroll] = useState({ top: 0, left: 0 });
  const schema = useSchema(kind);
  const count = text.split('\n').length;

  // `asked`: also where nothing is typed yet.
  const look = (asked: boolean) => {
    const element = area.current!;
    const { value, selectionStart: cursor, selectionEnd } = element;
    const ends = /^[ \t]*(\n|$)/.test(value.slice(cursor));
    const spot = schema && cursor === selectionEnd && ends ? spotIn(value, cursor) : null;
    const all = spot && schema && (asked || spot.typed !== '' || spot.field !== '') ? suggest(schema.schemas, schema.root, spot) : [];
    // What is there as a whole needs no offer.
    if (!spot || all.length === 0 || (!asked && all.length === 1 && all[0]!.text === spot.typed)) return setOffer(null);
    const before = value.slice(0, spot.from);
    const line = before.split('\n').length - 1;
    setOffer({ all, at: 0, from: spot.from, to: cursor, line, column: spot.from - (before.lastIndexOf('\n') + 1) });
  };
  // Who began to type before it was known what may stand there is offered it now.
  useEffect(() => {
    if (schema && document.activeElement === area.current) look(false);
  }, [schema]);
  const pick = (at: number) => {
    const element = area.current!;
    if (!offer) return;
    element.focus();
    element.setSelectionRange(offer.from, offer.to);
    // So that it can be undone like anything typed.
    const insert = offer.all[at]!.insert;
    if (!document.execCommand('insertText', false, insert)) {
      element.setRangeText(insert, offer.from, offer.to, 'end');
      onText(element.value);
    }
    setOffer(null);
  };
  const onKey = (event: KeyboardEvent) => {
    const control = event.ctrlKey || event.metaKey;
    if (control && (event.key === 's' || event.key === 'Enter')) {
      event.preventDefault();
      onSave();
    } else if (control && event.key === ' ') {
      event.preventDefault();
      look(true);
    } else if (offer && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setOffer({ ...offer, at: (offer.at + step + offer.all.length) % offer.all.length });
    } else if (offer && (event.key === 'Enter' || event.key === 'Tab') && !control && !event.shiftKey) {
      event.preventDefault();
      pick(offer.at);
    } else if (offer && event.key === 'Escape') {
      event.preventDefault();
      setOffer(null);
    } else if (event.key === 'Enter' && !control) {
      indent(event);
    }
  };
  // The next line begins where this one does.
  const indent = (event: KeyboardEvent) => {
    const element = area.current!;
    const { value, selectionStart } = element;
    const line = value.slice(value.lastIndexOf('\n', selectionStart - 1) + 1, selectionStart);
    const blank = /^ */.exec(line)![0] + (/:\s*$/.test(line) && line.trim() !== '' ? '  ' : '');
    if (blank === '') return;
    event.preventDefault();
    document.execCommand('insertText', false, `\n${blank}`);
  };
  return (
    <div class="editor">
      <pre class="editor-numbers" ref={numbers} aria-hidden="true">
        {Array.from({ length: count }, (_, at) => `${at + 1}\n`).join('')}
      </pre>
      <div class="editor-body">
        <textarea
          class="editor-text"
          ref={area}
          aria-label={props.label ?? t.yaml.edit}
          aria-autocomplete="list"
          aria-haspopup="listbox"
          aria-controls={offer ? 'offer' : undefined}
          aria-activedescendant={offer ? `offer-${offer.at}` : undefined}
          spellcheck={false}
          autocomplete="off"
          value={text}
          onInput={(event) => {
            onText(event.currentTarget.value);
            props.onCursor?.(event.currentTarget.selectionStart);
            look(false);
          }}
          onScroll={({ currentTarget: { scrollTop, scrollLeft } }) => {
            if (numbers.current) numbers.current.scrollTop = scrollTop;
            setScroll({ top: scrollTop, left: scrollLeft });
          }}
          onSelect={(event) => props.onCursor?.(event.currentTarget.selectionStart)}
          onClick={() => setOffer(null)}
          onBlur={() => setOffer(null)}
          onKeyDown={onKey}
        />
        {offer && <Offered offer={offer} scroll={scroll} onPick={pick} />}
      </div>
    </div>
  );
}

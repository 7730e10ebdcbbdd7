// What server-side apply answers, as somebody reads it: what would change, who is in the way, what is wrong.
import { isConflict, othersIn } from '../api/apply';
import { ApiError, type Cause } from '../api/request';
import { type DiffLine } from '../model/diff';
import { t } from '../texts';

export type Refused = { kind: 'wrong'; text: string; causes: Cause[] } | { kind: 'conflict'; text: string; causes: Cause[] };

export function refusedBy(error: unknown): Refused {
  const text = (error as Error).message || t.unanswered;
  const causes = error instanceof ApiError ? error.causes : [];
  if (!isConflict(error)) return { kind: 'wrong', text, causes };
  const others = othersIn(error);
  return { kind: 'conflict', text, causes: others.length > 0 ? others : causes };
}

export function Diff({ lines }: { lines: (DiffLine | null)[] }) {
  const signs = { same: ' ', added: '+', removed: '−' };
  const words = { same: '', added: t.yaml.added, removed: t.yaml.removed };
  return (
    <pre class="diff" tabIndex={0} aria-label={t.yaml.would}>
      {lines.map((line, at) =>
        line === null ? <div key={at} class="diff-gap">⋯ {t.yaml.skipped}</div> : (
          <div key={at} class={`diff-${line.kind}`}>
            <span aria-label={words[line.kind] || undefined}>{signs[line.kind]} </span>{line.text}
          </div>
        ),
      )}
    </pre>
  );
}

export function Causes({ causes }: { causes: Cause[] }) {
  return (
    <ul class="causes">
      {causes.map((each, at) => <li key={at}><code>{each.field}</code> {each.message}</li>)}
    </ul>
  );
}

// What server-side apply answers, as somebody reads it: what would change, who is in the way, what is wrong.
import { ApiError, type Cause, manager, patch, request } from '../api/request';
import type { Obj } from '../api/types';
import { type DiffLine } from '../model/diff';
import { kShared, sharedEntry } from '../model/manager';
import { t } from '../texts';

export type Refused = { kind: 'wrong'; text: string; causes: Cause[] } | { kind: 'conflict'; text: string; causes: Cause[] };

// Who applies. What was applied under the shared name becomes his: what he leaves out of it then goes, and it is in
// nobody's way.
async function applier(path: string, before: Obj | null | undefined, dryRun: boolean): Promise<string> {
  const mine = manager();
  // Who may not read it takes nothing over.
  const there = before === undefined ? await request<Obj>(path).catch(() => null) : before;
  const at = sharedEntry(there?.metadata.managedFields, mine);
  if (at < 0) return mine;
  // A dry run says what comes of it as the one that he will be.
  if (dryRun) return kShared;
  const entry = `/metadata/managedFields/${at}/manager`;
  const taken = [{ op: 'test', path: entry, value: kShared }, { op: 'replace', path: entry, value: mine }];
  // Where somebody else was faster, the conflict is shown.
  await patch(path, taken, 'json-patch').catch(() => null);
  return mine;
}

// `before`: the object as it is there, null if there is none; looked up where nobody knows.
export async function apply(path: string, object: Obj, options: { dryRun?: boolean; force?: boolean; before?: Obj | null }): Promise<Obj> {
  const fieldManager = await applier(path, options.before, options.dryRun ?? false);
  const query = new URLSearchParams({ fieldManager, fieldValidation: 'Strict' });
  if (options.dryRun) query.set('dryRun', 'All');
  if (options.force) query.set('force', 'true');
  // JSON is YAML, and says of each value what it is.
  return request<Obj>(`${path}?${query}`, { method: 'PATCH', body: object, type: 'application/apply-patch+yaml' });
}

export function refusedBy(error: unknown): Refused {
  const causes = error instanceof ApiError ? error.causes : [];
  const isConflict = error instanceof ApiError && error.code === 409 && causes.some((each) => each.reason === 'FieldManagerConflict');
  return { kind: isConflict ? 'conflict' : 'wrong', text: (error as Error).message || t.unanswered, causes };
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

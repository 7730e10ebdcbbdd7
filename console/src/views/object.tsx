// Any object as YAML: changed by server-side apply, after the server has said what would come of it.
import { useEffect, useRef, useState } from 'preact/hooks';

import { apiVersionOf, type Kind, kindByName, pathOf } from '../api/kinds';
import { useLive } from '../api/live';
import { ApiError, type Cause, kManager, remove, request } from '../api/request';
import type { Obj } from '../api/types';
import { type DiffLine, diffLines, hunks } from '../model/diff';
import { isLogged } from '../model/logged';
import { manifestOf, readManifest, wishOf } from '../model/manifest';
import { go, href, place } from '../router';
import { t } from '../texts';
import { Editor } from '../ui/editor';
import { Action, Head, Notice, Panel, Standing } from '../ui/parts';
import { say, tell } from '../ui/toasts';

type Outcome =
  | { kind: 'none' }
  | { kind: 'wrong'; text: string; causes: Cause[] }
  | { kind: 'conflict'; causes: Cause[] }
  | { kind: 'diff'; lines: (DiffLine | null)[]; keeps: boolean; force: boolean };

function apply(path: string, object: Obj, options: { dryRun?: boolean; force?: boolean }): Promise<Obj> {
  const query = new URLSearchParams({ fieldManager: kManager, fieldValidation: 'Strict' });
  if (options.dryRun) query.set('dryRun', 'All');
  if (options.force) query.set('force', 'true');
  // JSON is YAML, and says of each value what it is.
  return request<Obj>(`${path}?${query}`, { method: 'PATCH', body: object, type: 'application/apply-patch+yaml' });
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof ApiError && error.code === 409 && error.causes.some((each) => each.reason === 'FieldManagerConflict')) {
    return { kind: 'conflict', causes: error.causes };
  }
  const causes = error instanceof ApiError ? error.causes : [];
  return { kind: 'wrong', text: (error as Error).message || t.unanswered, causes };
}

function linesOf(kind: DiffLine['kind'], before: string, after: string): string[] {
  return diffLines(before, after).filter((each) => each.kind === kind).map((each) => each.text);
}

function Diff({ lines }: { lines: (DiffLine | null)[] }) {
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

function Causes({ causes }: { causes: Cause[] }) {
  return (
    <ul class="causes">
      {causes.map((each, at) => <li key={at}><code>{each.field}</code> {each.message}</li>)}
    </ul>
  );
}

function Result({ outcome, onPreview, onApply }: { outcome: Outcome; onPreview: (force: boolean) => void; onApply: (force: boolean) => void }) {
  if (outcome.kind === 'none') return <p class="dim">{t.yaml.hint}</p>;
  if (outcome.kind === 'wrong') {
    return (
      <Notice tone="bad">
        {outcome.text}
        {outcome.causes.length > 0 && <Causes causes={outcome.causes} />}
      </Notice>
    );
  }
  if (outcome.kind === 'conflict') {
    return (
      <Notice tone="warn" title={t.yaml.conflict}>
        <Causes causes={outcome.causes} />
        <p>{t.yaml.conflictHint}</p>
        <div class="row">
          <button class="button" onClick={() => onPreview(true)}>{t.yaml.previewForce}</button>
          <button class="button danger" onClick={() => onApply(true)}>{t.yaml.force}</button>
        </div>
      </Notice>
    );
  }
  return (
    <>
      {outcome.lines.length === 0 ? <p>{t.yaml.unchanged}</p> : <Diff lines={outcome.lines} />}
      {outcome.keeps && <Notice tone="warn">{t.yaml.keeps}</Notice>}
      {outcome.lines.length > 0 && (
        <button class={`button ${outcome.force ? 'danger' : 'primary'}`} onClick={() => onApply(outcome.force)}>
          {outcome.force ? t.yaml.force : t.yaml.apply}
        </button>
      )}
    </>
  );
}

function Known({ kind, object, path }: { kind: Kind; object: Obj; path: string }) {
  const [base, setBase] = useState(object);
  const [text, setText] = useState(() => manifestOf(object));
  const [outcome, setOutcome] = useState<Outcome>({ kind: 'none' });
  const [busy, setBusy] = useState(false);
  const edited = text !== manifestOf(base);
  const moved = object.metadata.resourceVersion !== base.metadata.resourceVersion;
  const take = (next: Obj) => {
    setBase(next);
    setText(manifestOf(next));
    setOutcome({ kind: 'none' });
  };
  // What was shown is not what this text comes to: it cannot be applied unseen.
  const type = (next: string) => {
    setText(next);
    if (outcome.kind !== 'wrong') setOutcome({ kind: 'none' });
  };
  // Nobody has typed anything: the text follows the server.
  useEffect(() => {
    if (moved && !edited) take(object);
  }, [object]);

  const run = async (work: (wanted: Obj) => Promise<void>) => {
    setBusy(true);
    try {
      await work(readManifest(text, object));
    } catch (error) {
      setOutcome(outcomeOf(error));
    }
    setBusy(false);
  };
  const preview = (force = false) => run(async (wanted) => {
    const would = await apply(path, wanted, { dryRun: true, force });
    const lines = hunks(diffLines(wishOf(object), wishOf(would)));
    // What it started from has lines that it lacks, and they would still be there.
    const back = new Set(linesOf('added', wishOf(wanted), wishOf(would)));
    const keeps = linesOf('removed', wishOf(base), wishOf(wanted)).some((line) => back.has(line));
    setOutcome({ kind: 'diff', lines, keeps, force });
  });
  const write = (force = false) => run(async (wanted) => {
    const done = await apply(path, wanted, { force });
    say('good', t.yaml.applied);
    take({ apiVersion: apiVersionOf(kind), kind: kind.kind, ...done });
  });
  return (
    <div class="object">
      <div class="object-edit">
        {moved && edited && (
          <Notice tone="warn">
            {t.yaml.moved} <button class="button small" onClick={() => take(object)}>{t.yaml.reload}</button>
          </Notice>
        )}
        <Editor kind={kind} text={text} onText={type} onSave={() => void preview()} />
        <div class="row end">
          <small class="dim editor-hint">{t.yaml.completion}</small>
          <button class="button" disabled={!edited} onClick={() => take(object)}>{t.yaml.revert}</button>
          <button class="button primary" disabled={busy || !edited} onClick={() => void preview()}>{t.yaml.preview}</button>
        </div>
      </div>
      <Panel title={t.yaml.would}>
        <Result outcome={outcome} onPreview={(force) => void preview(force)} onApply={(force) => void write(force)} />
      </Panel>
    </div>
  );
}

export function ObjectView() {
  const [plural = '', space = '', name = ''] = place.value.params;
  const kind = kindByName(plural);
  return kind ? <Followed kind={kind} space={space} name={name} /> : <Head title={t.gone} />;
}

function Followed({ kind, space, name }: { kind: Kind; space: string; name: string }) {
  const path = pathOf(kind, space, name);
  const live = useLive<Obj>(kind, space, { name });
  const found = live.list[0];
  // Events of a watch carry both, but nothing promises it.
  const object = found && { ...found, apiVersion: apiVersionOf(kind), kind: kind.kind };
  const last = useRef<Obj | undefined>(undefined);
  if (object && object.metadata.resourceVersion !== last.current?.metadata.resourceVersion) last.current = object;
  const drop = async () => {
    if (await tell(() => remove(path), t.done.deleted(name))) go(href('overview'));
  };
  return (
    <div class="full">
      <Head title={name} sub={<><span>{kind.kind}</span><span>{space}</span></>}>
        {object && isLogged(kind) && <a class="button" href={href('logs', [kind.plural, space, name])}>{t.pod.logs}</a>}
        {object && <Action class="danger" text={t.actions.delete} sure={t.actions.sure(name)} run={drop} />}
      </Head>
      {!object && (live.loaded ? <Notice tone="warn">{t.gone}</Notice> : <Standing of={live} />)}
      {last.current && <Known key={last.current.metadata.uid} kind={kind} object={last.current} path={path} />}
    </div>
  );
}

// Any object: what is to be known of it, and its YAML, which is changed by server-side apply after the server
// has said what would come of it.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { apply } from '../api/apply';
import { useOffered } from '../api/discovery';
import { apiVersionOf, type Kind, kindByName, pathOf } from '../api/kinds';
import { onForget, slim, useLive } from '../api/live';
import { remove } from '../api/request';
import type { Obj } from '../api/types';
import { type DiffLine, diffLines, hunks } from '../model/diff';
import { isLogged } from '../model/logged';
import { manifestOf, readManifest, wishOf } from '../model/manifest';
import { go, href, place } from '../router';
import { t } from '../texts';
import { Causes, Diff, type Refused, refusedBy } from '../ui/applied';
import { Editor } from '../ui/editor';
import { Action, Button, ErrorNotice, Head, Notice, Panel, Standing, Tabs } from '../ui/parts';
import { say, tell } from '../ui/toasts';
import { keepTyped } from '../ui/unsaved';
import { Details, KindActions } from './details';

type Outcome =
  | { kind: 'none' }
  | Refused
  // `of`: what it was compared with.
  | { kind: 'diff'; lines: (DiffLine | null)[]; keeps: boolean; force: boolean; of: string };

// What somebody typed and left, by the path of its object: it is there when he comes back.
const drafts = new Map<string, { base: Obj; text: string }>();
onForget(() => drafts.clear());
keepTyped('objects', () => (drafts.size > 0 ? [...drafts] : undefined), (kept) => kept.forEach(([path, draft]) => drafts.set(path, draft)));

function linesOf(kind: DiffLine['kind'], before: string, after: string): string[] {
  return diffLines(before, after).filter((each) => each.kind === kind).map((each) => each.text);
}

function contentOf(object: Obj): string {
  return manifestOf({ ...object, metadata: { ...object.metadata, resourceVersion: '' } });
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
        <Button class="button" onClick={() => onPreview(true)}>{t.yaml.previewForce}</Button>
      </Notice>
    );
  }
  return (
    <>
      {outcome.lines.length === 0 ? <p>{t.yaml.unchanged}</p> : <Diff lines={outcome.lines} />}
      {outcome.keeps && <Notice tone="warn">{t.yaml.keeps}</Notice>}
      {outcome.lines.length > 0 && (
        <Button class={`button ${outcome.force ? 'danger' : 'primary'}`} onClick={() => onApply(outcome.force)}>
          {outcome.force ? t.yaml.force : t.yaml.apply}
        </Button>
      )}
    </>
  );
}

// A text that somebody changes while the object may change, too; and what came of it.
function useDraft(object: Obj, path: string, gone: boolean) {
  const [base, setBase] = useState(() => drafts.get(path)?.base ?? object);
  const [text, setText] = useState(() => drafts.get(path)?.text ?? manifestOf(object));
  const [outcome, setOutcome] = useState<Outcome>({ kind: 'none' });
  const edited = text !== manifestOf(base);
  const follows = object.metadata.resourceVersion !== base.metadata.resourceVersion;
  // Of records of who wrote what, which a look at what would change may put in order, there is nothing to tell.
  const moved = useMemo(() => follows && contentOf(object) !== contentOf(base), [follows, object, base]);
  // What is there now, for those who waited: for an answer, or for the next picture (the effects of one
  // run after it, with what it showed).
  const latest = useRef(text);
  const change = (next: string) => {
    latest.current = next;
    setText(next);
  };
  const take = (next: Obj, read = latest.current) => {
    setBase(next);
    setOutcome({ kind: 'none' });
    // What was typed meanwhile stays.
    if (read === latest.current) change(manifestOf(next));
  };
  // What was shown is not what this text comes to: it cannot be applied unseen.
  const type = (next: string) => {
    change(next);
    if (outcome.kind !== 'wrong') setOutcome({ kind: 'none' });
  };
  // Nobody has typed anything: the text follows the server.
  useEffect(() => {
    if (follows && latest.current === manifestOf(base)) take(object);
    // Others changed what it was compared with.
    else if (outcome.kind === 'diff' && outcome.of !== wishOf(object)) setOutcome({ kind: 'none' });
  }, [object]);
  // Of one that was deleted all would change, and of one that is there again other things.
  useEffect(() => setOutcome({ kind: 'none' }), [gone]);
  // At once: who types and leaves may be gone before the next picture.
  useLayoutEffect(() => {
    drafts.delete(path);
    if (!edited) return;
    drafts.set(path, { base, text });
  }, [path, base, text, edited]);
  const isLatest = () => text === latest.current;
  return { base, text, edited, moved, outcome, setOutcome, isLatest, take, type };
}

// `gone`: it is as it was when it was deleted; what is applied makes it anew.
function Known({ kind, object, path, gone }: { kind: Kind; object: Obj; path: string; gone: boolean }) {
  const { base, text, edited, moved, outcome, setOutcome, isLatest, take, type } = useDraft(object, path, gone);
  const [busy, setBusy] = useState(false);
  const run = async (work: (wanted: Obj) => Promise<void>) => {
    setBusy(true);
    try {
      await work(readManifest(text, object));
    } catch (error) {
      // A conflict of another text than this is none that could be taken over.
      const wrong = refusedBy(error);
      if (wrong.kind === 'wrong' || isLatest()) setOutcome(wrong);
    }
    setBusy(false);
  };
  // Of one that is there nobody knows who manages it: the page keeps no such records.
  const how = { whole: true, before: gone ? null : undefined };
  const preview = (force = false) => run(async (wanted) => {
    const would = await apply(path, wanted, { ...how, dryRun: true, force });
    const lines = gone ? diffLines('', wishOf(would)).filter((each) => each.kind === 'added') : hunks(diffLines(wishOf(object), wishOf(would)));
    // What it started from has lines that it lacks, and they would still be there.
    const back = new Set(linesOf('added', wishOf(wanted), wishOf(would)));
    const keeps = !gone && linesOf('removed', wishOf(base), wishOf(wanted)).some((line) => back.has(line));
    if (isLatest()) setOutcome({ kind: 'diff', lines, keeps, force, of: wishOf(object) });
  });
  const write = (force = false) => run(async (wanted) => {
    const done = await apply(path, wanted, { ...how, force });
    say('good', t.yaml.applied);
    take(slim({ apiVersion: apiVersionOf(kind), kind: kind.kind, ...done }), text);
  });
  return (
    <div class="object">
      <div class="object-edit">
        {gone && <Notice tone="warn">{t.yaml.gone}</Notice>}
        {moved && edited && (
          <Notice tone="warn">
            {t.yaml.moved} <Button class="button small" onClick={() => take(object)}>{t.yaml.reload}</Button>
          </Notice>
        )}
        <Editor kind={kind} text={text} onText={type} onSave={() => void preview()} />
        <div class="row end">
          <small class="dim editor-hint">{t.yaml.completion}</small>
          <Button class="button" off={!edited} onClick={() => take(object)}>{t.yaml.revert}</Button>
          <Button class="button primary" off={busy || !(edited || gone)} onClick={() => void preview()}>{t.yaml.preview}</Button>
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
  const known = kindByName(plural);
  const { list, error } = useOffered(known === undefined);
  const kind = known ?? list?.find((each) => each.name === plural)?.kind;
  if (kind) return <Followed kind={kind} plural={plural} space={space} name={name} />;
  if (error) return <ErrorNotice error={error} />;
  return list ? <Head title={t.gone} /> : <Head title={t.loading} />;
}

function Followed({ kind, plural, space, name }: { kind: Kind; plural: string; space: string; name: string }) {
  const path = pathOf(kind, space, name);
  const live = useLive<Obj>(kind, space, { name });
  const found = live.list[0];
  // Events of a watch carry both, but nothing promises it.
  const object = found && { ...found, apiVersion: apiVersionOf(kind), kind: kind.kind };
  // A text that is left is found also where its object has gone meanwhile.
  const last = useRef<Obj | undefined>(drafts.get(path)?.base);
  if (object && object.metadata.resourceVersion !== last.current?.metadata.resourceVersion) last.current = object;
  // Who left a text half-typed finds it at once.
  const [first] = useState(() => (drafts.has(path) ? 'yaml' : 'details'));
  const tab = place.value.query.get('tab') ?? first;
  const isEdited = tab === 'yaml' && last.current !== undefined;
  const drop = async () => {
    if (await tell(() => remove(path), t.done.deleted(name))) go(href('overview'));
  };
  return (
    <div class={tab === 'yaml' ? 'full' : ''}>
      <Head title={name} sub={<><span>{kind.kind}</span><span>{space}</span></>}>
        {object && <KindActions kind={kind} object={object} path={path} />}
        {object && isLogged(kind) && <a class="button" href={href('logs', [kind.plural, space, name])}>{t.pod.logs}</a>}
        {object && <Action class="danger" text={t.actions.delete} sure={t.actions.sure(name)} run={drop} />}
      </Head>
      {!object && (!live.loaded ? <Standing of={live} /> : !isEdited && <Notice tone="warn">{t.gone}</Notice>)}
      {last.current && (
        <Tabs label={name} current={tab} onPick={(id) => go(href('object', [plural, space, name], { tab: id }))}
              tabs={[{ id: 'details', text: t.pod.details }, { id: 'yaml', text: t.actions.yaml }]} />
      )}
      {/* Also where it was deleted and made anew: what is typed is kept. */}
      {isEdited && <Known kind={kind} object={last.current!} path={path} gone={live.loaded && !object} />}
      {object && tab !== 'yaml' && <Details kind={kind} object={object} />}
    </div>
  );
}

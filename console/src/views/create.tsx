// Any objects, from a text: typed, pasted, or of files. First the server says what would come of each of them
// (a dry run of server-side apply), then they are applied.
import { useMemo, useRef, useState } from 'preact/hooks';

import { apply, type Applying } from '../api/apply';
import { lookAgain, offered, useOffered } from '../api/discovery';
import { apiVersionOf, type Kind, kindByName, pathOf } from '../api/kinds';
import { onForget } from '../api/live';
import { ApiError, create, request } from '../api/request';
import type { Obj } from '../api/types';
import { inOrder, kindFor, madeByText, spaceOf, type State, stateAfter, stateBefore, type There } from '../model/creation';
import { type DiffLine, diffLines, hunks } from '../model/diff';
import { pageOf } from '../model/logged';
import { kindAround, readManifests, type Wanted, wishOf } from '../model/manifest';
import type { Tone } from '../model/pod';
import { href } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Causes, Diff, type Refused, refusedBy } from '../ui/applied';
import { Editor } from '../ui/editor';
import { Badge, Button, Head, Notice, Panel } from '../ui/parts';
import { SpaceOptions } from '../ui/spaces';
import { say } from '../ui/toasts';
import { keepTyped } from '../ui/unsaved';

interface Plan {
  wanted: Wanted;
  kind: Kind | undefined; // undefined: the text itself makes it.
  space: string;
  state: State;
  there: There;
  lines: (DiffLine | null)[];
  refused: Refused | null;
}

const kTones: Record<State, Tone> = {
  makes: 'busy', changes: 'warn', same: 'none', hidden: 'warn', later: 'none', conflict: 'warn', wrong: 'bad', made: 'good', changed: 'good',
};
const kBytesMax = 8 << 20;
const kKindTries = 20;
const kKindMs = 300;

// What somebody typed and left is there when he comes back.
let draft = '';
let draftSpace: string | null = null; // null: the one that is looked at.
onForget(() => {
  draft = '';
  draftSpace = null;
});
keepTyped('create', () => (draft.trim() !== '' ? { draft, draftSpace } : undefined), (kept) => ({ draft, draftSpace } = kept));

async function known(path: string): Promise<{ there: There; object: Obj | null }> {
  try {
    return { there: 'yes', object: await request<Obj>(path) };
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return { there: 'no', object: null };
    if (error instanceof ApiError && error.isForbidden) return { there: 'unknown', object: null };
    throw error;
  }
}

// Without a name the server makes one, which no apply can.
function write(kind: Kind, space: string, object: Obj, options: Applying): Promise<Obj> {
  const placed = kind.namespaced ? { ...object, metadata: { ...object.metadata, namespace: space } } : object;
  if (object.metadata.name) return apply(pathOf(kind, space, object.metadata.name), placed, options);
  return create(pathOf(kind, space), placed, options.dryRun);
}

async function tried(wanted: Wanted, all: Wanted[], list: Parameters<typeof kindFor>[0], fallback: string, force: boolean): Promise<Plan> {
  const { object } = wanted;
  const kind = kindFor(list, object);
  const space = kind ? spaceOf(kind, object, fallback) : object.metadata.namespace ?? fallback;
  const plan: Plan = { wanted, kind, space, state: 'later', there: 'no', lines: [], refused: null };
  let there: There = 'unknown';
  const wrong = (error: unknown): Plan => {
    const refused = refusedBy(error);
    return { ...plan, there, refused, state: refused.kind === 'conflict' ? 'conflict' : 'wrong' };
  };
  if (!kind) return madeByText(all, object, space) ? plan : wrong(new Error(t.create.unknown(object.kind!, object.apiVersion!)));
  try {
    let before: Obj | null = null;
    if (object.metadata.name) ({ there, object: before } = await known(pathOf(kind, space, object.metadata.name)));
    else there = 'no';
    const after = await write(kind, space, object, { dryRun: true, force, before });
    if (!before) return { ...plan, there, state: stateBefore(there, true) };
    const named = { apiVersion: apiVersionOf(kind), kind: kind.kind };
    const lines = hunks(diffLines(wishOf({ ...before, ...named }), wishOf({ ...after, ...named })));
    return { ...plan, there, state: stateBefore(there, lines.length > 0), lines };
  } catch (error) {
    // Its namespace, or its definition, is not there before the text is applied.
    if (error instanceof ApiError && error.code === 404 && madeByText(all, object, space)) return plan;
    return wrong(error);
  }
}

// A definition is served a moment after it was made.
async function kindOnceThere(object: Obj): Promise<Kind | undefined> {
  for (let left = kKindTries; left > 0; left -= 1) {
    await lookAgain();
    const kind = kindFor(offered.value ?? [], object);
    if (kind) return kind;
    await new Promise((go) => setTimeout(go, kKindMs));
  }
  return undefined;
}

// Where it was tried, whatever the field says by now.
async function applied(plan: Plan, force: boolean): Promise<Plan> {
  const { object } = plan.wanted;
  for (let left = kKindTries; ; left -= 1) {
    try {
      const kind = plan.kind ?? (await kindOnceThere(object));
      if (!kind) throw new Error(t.create.unknown(object.kind!, object.apiVersion!));
      const space = spaceOf(kind, object, plan.space);
      const done = await write(kind, space, object, { force, before: plan.there === 'yes' ? undefined : null });
      return { ...plan, kind, space, state: stateAfter(plan.there), refused: null, wanted: { ...plan.wanted, object: { ...object, metadata: { ...object.metadata, name: done.metadata.name } } } };
    } catch (error) {
      // What the text itself has just made may be a moment away.
      const waits = plan.state === 'later' && left > 0 && error instanceof ApiError && (error.code === 404 || error.code === 403);
      if (!waits) {
        const refused = refusedBy(error);
        return { ...plan, refused, state: refused.kind === 'conflict' ? 'conflict' : 'wrong' };
      }
      await new Promise((go) => setTimeout(go, kKindMs));
    }
  }
}

function hrefOf(kind: Kind, space: string, name: string): string {
  if (kind.group === '' && kind.plural === 'pods') return href('pod', [space, name]);
  const plural = kindByName(kind.plural)?.group === kind.group ? kind.plural : `${kind.plural}.${kind.group}`;
  const [view, params] = pageOf({ ...kind, plural }, space, name);
  return href(view, params);
}

function PlanItem({ plan }: { plan: Plan }) {
  const { wanted: { object, line }, kind, space, state, refused } = plan;
  const name = object.metadata.name ?? t.create.generated((object.metadata as { generateName?: string }).generateName ?? '');
  const there = kind && (state === 'made' || state === 'changed');
  return (
    <li class="plan">
      <div class="card-head">
        <span class="dim">{object.kind}</span>
        <b>{there ? <a href={hrefOf(kind, space, name)}>{name}</a> : name}</b>
        {space && <span class="dim small">{space}</span>}
        <span class="dim small">{t.create.line(line)}</span>
        <Badge tone={kTones[state]}>{t.create.states[state]}</Badge>
      </div>
      {refused && (
        <Notice tone={state === 'conflict' ? 'warn' : 'bad'}>
          {state === 'conflict' ? t.yaml.conflict : refused.text}
          {refused.causes.length > 0 && <Causes causes={refused.causes} />}
        </Notice>
      )}
      {plan.lines.length > 0 && state === 'changes' && <Diff lines={plan.lines} />}
    </li>
  );
}

// How many are to be applied: what is refused is tried once more, and counts where there is nothing else.
function pendingOf(plans: Plan[]): number {
  const pending = plans.filter(({ state }) => state !== 'same' && state !== 'made' && state !== 'changed');
  return pending.filter(({ state }) => state !== 'wrong').length || pending.length;
}

// What is to come of the text, and what came of it. `current`: whether that is still what is asked for;
// `unknown`: why it is not known what the server has.
function usePlans(text: string, space: string, current: () => boolean, unknown: ApiError | null) {
  const [plans, setPlans] = useState<Plan[] | null>(null);
  const [wrong, setWrong] = useState('');
  const [busy, setBusy] = useState(false);
  const [force, setForce] = useState(false);

  // What was shown was of something else.
  const drop = () => {
    setPlans(null);
    setWrong('');
    setForce(false);
  };
  const look = async (taking: boolean) => {
    setBusy(true);
    drop();
    setForce(taking);
    try {
      await lookAgain();
      if (offered.value === null) throw unknown ?? new Error(t.unanswered);
      const all = inOrder(readManifests(text));
      if (all.length === 0) throw new Error(t.create.empty);
      const found: Plan[] = [];
      for (const each of all) found.push(await tried(each, all, offered.value, space, taking));
      if (current()) setPlans(found);
    } catch (failed) {
      setWrong((failed as Error).message || t.unanswered);
    }
    setBusy(false);
  };
  const run = async () => {
    setBusy(true);
    const all = [...plans!];
    for (const [at, plan] of all.entries()) {
      if (plan.state === 'same' || plan.state === 'made' || plan.state === 'changed') continue;
      all[at] = await applied(plan, force);
      if (current()) setPlans([...all]);
    }
    const failed = all.filter((each) => each.refused !== null).length;
    if (failed === 0) {
      // It is in the cluster now.
      if (text === draft) draft = '';
      say('good', t.yaml.applied);
    } else {
      say('bad', t.create.failed(failed, all.length));
    }
    setBusy(false);
  };
  return { plans, wrong, setWrong, busy, force, drop, look, run };
}

function Planned({ plans, wrong, busy, force, look, run }: ReturnType<typeof usePlans>) {
  const has = (state: State) => plans?.some((each) => each.state === state) ?? false;
  const conflicts = has('conflict');
  const done = plans?.every((each) => each.state === 'made' || each.state === 'changed' || each.state === 'same') ?? false;
  return (
    <Panel title={t.create.would}>
      {wrong && <Notice tone="bad">{wrong}</Notice>}
      {!plans && !wrong && <p class="dim">{busy ? t.loading : t.create.hint}</p>}
      {plans && (
        <>
          <ul class="plans">{plans.map((plan, at) => <PlanItem key={at} plan={plan} />)}</ul>
          {has('wrong') && !busy && <p class="dim">{t.create.someRefused}</p>}
          {conflicts && !busy && <p class="dim">{t.yaml.conflictHint}</p>}
          <div class="row">
            {conflicts && <Button class="button" off={busy} onClick={() => void look(true)}>{t.yaml.previewForce}</Button>}
            {!done && (
              <Button class={`button ${force ? 'danger' : 'primary'}`} off={busy || conflicts} onClick={() => void run()}>
                {force ? t.yaml.force : t.create.apply(pendingOf(plans))}
              </Button>
            )}
            {done && <p>{t.create.done}</p>}
          </div>
        </>
      )}
    </Panel>
  );
}

function Tools({ space, onSpace, onFiles }: { space: string; onSpace: (space: string) => void; onFiles: (files: FileList | null) => void }) {
  return (
    <div class="row create-tools">
      <label class="field narrow-field">
        <span>{t.create.into}</span>
        <input class="input" list="create-spaces" value={space} onInput={(event) => onSpace(event.currentTarget.value.trim())} />
        <SpaceOptions id="create-spaces" />
      </label>
      <label class="field">
        <span>{t.create.files}</span>
        <input type="file" class="file" multiple accept=".yaml,.yml,.json,text/*" onChange={(event) => {
          onFiles(event.currentTarget.files);
          event.currentTarget.value = '';
        }} />
      </label>
    </div>
  );
}

export function CreateView() {
  const [text, setText] = useState(draft);
  const [cursor, setCursor] = useState(0);
  const [space, setSpace] = useState(draftSpace ?? (namespace.value || 'default'));
  // What is there now, for those who waited for an answer.
  const latest = useRef({ text, space });
  const { list, error } = useOffered();
  const planning = usePlans(text, space, () => text === latest.current.text && space === latest.current.space, error);
  const { busy, drop, look } = planning;
  const around = kindAround(text, cursor);
  const kind = useMemo(() => (list && around ? kindFor(list, around) : undefined), [list, around?.apiVersion, around?.kind]);

  const change = (next: string) => {
    latest.current.text = draft = next;
    setText(next);
    drop();
  };
  const changeSpace = (next: string) => {
    latest.current.space = draftSpace = next;
    setSpace(next);
    drop();
  };
  const take = async (files: FileList | null | undefined) => {
    const all = [...(files ?? [])];
    if (all.length === 0) return;
    if (all.reduce((sum, each) => sum + each.size, 0) > kBytesMax) return planning.setWrong(t.create.large);
    const parts = await Promise.all(all.map((each) => each.text()));
    change([latest.current.text, ...parts].map((each) => each.trim()).filter(Boolean).join('\n---\n') + '\n');
  };
  return (
    <div class="full">
      <Head title={t.create.title} sub={t.create.intro} />
      <div class="object">
        <div class="object-edit" onDragOver={(event) => event.preventDefault()} onDrop={(event) => {
          if (!event.dataTransfer?.files.length) return;
          event.preventDefault();
          void take(event.dataTransfer.files);
        }}>
          <Tools space={space} onSpace={changeSpace} onFiles={(files) => void take(files)} />
          <Editor kind={kind} text={text} label={t.create.text} onText={change} onCursor={setCursor} onSave={() => void look(false)} />
          <div class="row end">
            <small class="dim editor-hint">{t.yaml.completion}</small>
            <Button class="button" off={text === '' || busy} onClick={() => change('')}>{t.create.clear}</Button>
            <Button class="button primary" off={busy || text.trim() === ''} onClick={() => void look(false)}>{t.create.preview}</Button>
          </div>
        </div>
        <Planned {...planning} />
      </div>
    </div>
  );
}

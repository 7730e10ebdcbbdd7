// Jobs and what starts them by the clock.
import { kinds } from '../api/kinds';
import { useLive } from '../api/live';
import type { CronJob, Job } from '../api/types';
import { duration, now } from '../model/age';
import { jobState } from '../model/job';
import { go, href, place } from '../router';
import { namespace } from '../settings';
import { t } from '../texts';
import { Action, Age, Badge, Head, Standing, Tabs } from '../ui/parts';
import { runNow } from '../ui/runnow';
import { type Column, Table } from '../ui/table';

function tookText(job: Job): string {
  const { startTime, completionTime } = job.status ?? {};
  if (!startTime) return '';
  return duration((completionTime ? Date.parse(completionTime) : now.value) - Date.parse(startTime));
}

function JobProgress({ job }: { job: Job }) {
  const wanted = job.spec.completions ?? 1;
  const { succeeded = 0, failed = 0, active = 0 } = job.status ?? {};
  const part = (n: number) => `${(100 * n) / Math.max(wanted, succeeded + failed + active)}%`;
  return (
    <span class="progress" role="img" aria-label={`${succeeded}/${wanted}`}>
      <i class="tone-done" style={{ width: part(succeeded) }} />
      <i class="tone-busy" style={{ width: part(active) }} />
      <i class="tone-bad" style={{ width: part(failed) }} />
    </span>
  );
}

function JobList() {
  const jobs = useLive<Job>(kinds.jobs, namespace.value);
  const to = (each: Job) => href('object', ['jobs', each.metadata.namespace, each.metadata.name]);
  const columns: Column<Job>[] = [
    { id: 'name', title: t.columns.name, width: 'minmax(104px, 1.6fr)', sort: (each) => each.metadata.name,
      cell: (each) => <a class="name" href={to(each)} tabIndex={-1}>{each.metadata.name}</a> },
    { id: 'namespace', title: t.columns.namespace, width: 'minmax(90px, 1fr)', wide: true,
      cell: (each) => <span class="dim">{each.metadata.namespace}</span> },
    { id: 'status', title: t.columns.status, width: 'minmax(100px, 1fr)', sort: (each) => jobState(each).word,
      cell: (each) => <Badge tone={jobState(each).tone}>{jobState(each).word}</Badge> },
    { id: 'completions', title: t.columns.completions, width: '86px', end: true,
      cell: (each) => `${each.status?.succeeded ?? 0}/${each.spec.completions ?? 1}` },
    { id: 'progress', title: t.columns.pods, width: 'minmax(90px, 1.2fr)', wide: true, cell: (each) => <JobProgress job={each} /> },
    { id: 'took', title: t.columns.took, width: '70px', wide: true, end: true, cell: tookText },
    { id: 'age', title: t.columns.age, width: '64px', wide: true, end: true, sort: (each) => -Date.parse(each.metadata.creationTimestamp),
      cell: (each) => <Age time={each.metadata.creationTimestamp} /> },
  ];
  if (!jobs.loaded) return <Standing of={jobs} />;
  return <Table label={t.jobs.jobs} columns={columns} rows={jobs.list} hrefOf={to} keyOf={(each) => each.metadata.uid}
                textOf={(each) => `${each.metadata.namespace} ${each.metadata.name} ${jobState(each).word}`} />;
}

function CronJobs() {
  const crons = useLive<CronJob>(kinds.cronjobs, namespace.value);
  const to = (each: CronJob) => href('object', ['cronjobs', each.metadata.namespace, each.metadata.name]);
  const columns: Column<CronJob>[] = [
    { id: 'name', title: t.columns.name, width: 'minmax(104px, 1.6fr)', sort: (each) => each.metadata.name,
      cell: (each) => <a class="name" href={to(each)} tabIndex={-1}>{each.metadata.name}</a> },
    { id: 'namespace', title: t.columns.namespace, width: 'minmax(90px, 1fr)', wide: true,
      sort: (each) => each.metadata.namespace ?? '', cell: (each) => <span class="dim">{each.metadata.namespace}</span> },
    { id: 'schedule', title: t.columns.schedule, width: 'minmax(90px, 1fr)', cell: (each) => <span class="mono">{each.spec.schedule}</span> },
    { id: 'status', title: t.columns.status, width: 'minmax(100px, 1fr)', wide: true,
      cell: (each) => <Badge tone={each.spec.suspend ? 'none' : 'good'}>{each.spec.suspend ? t.jobs.suspended : t.columns.active}</Badge> },
    { id: 'active', title: t.columns.active, width: '70px', wide: true, end: true, cell: (each) => each.status?.active?.length ?? 0 },
    { id: 'lastRun', title: t.columns.lastRun, width: '90px', wide: true, end: true, cell: (each) => <Age time={each.status?.lastScheduleTime} /> },
    { id: 'run', title: t.jobs.run, width: '92px', end: true, mute: true, cell: (each) => <Action text={t.jobs.run} label={`${t.jobs.run}: ${each.metadata.name}`} class="small" run={() => runNow(each)} /> },
  ];
  if (!crons.loaded) return <Standing of={crons} />;
  return <Table label={t.jobs.cronjobs} columns={columns} rows={crons.list} hrefOf={to} keyOf={(each) => each.metadata.uid}
                textOf={(each) => `${each.metadata.namespace} ${each.metadata.name}`} />;
}

export function Jobs() {
  const tab = place.value.query.get('tab') ?? 'jobs';
  return (
    <div class="full">
      <Head title={t.jobs.title} />
      <Tabs label={t.jobs.title} current={tab} onPick={(id) => go(href('jobs', [], { tab: id }))}
            tabs={[{ id: 'jobs', text: t.jobs.jobs }, { id: 'cronjobs', text: t.jobs.cronjobs }]} />
      {tab === 'jobs' ? <JobList /> : <CronJobs />}
    </div>
  );
}

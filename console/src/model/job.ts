// How a Job stands, and which of them a CronJob has made.
import type { CronJob, Job } from '../api/types';
import { t } from '../texts';
import { condition, controllerOf, type Tone } from './pod';

export function jobState(job: Job): { word: string; tone: Tone } {
  const conditions = job.status?.conditions;
  if (condition(conditions, 'Complete')?.status === 'True') return { word: t.jobs.complete, tone: 'done' };
  if (condition(conditions, 'Failed')?.status === 'True') return { word: t.jobs.failed, tone: 'bad' };
  if (job.spec.suspend) return { word: t.jobs.suspended, tone: 'none' };
  return { word: t.jobs.running, tone: 'busy' };
}

// The newest first.
export function runsOf(cron: CronJob, jobs: Job[]): Job[] {
  return jobs.filter((each) => controllerOf(each)?.uid === cron.metadata.uid)
    .sort((a, b) => Date.parse(b.metadata.creationTimestamp) - Date.parse(a.metadata.creationTimestamp));
}

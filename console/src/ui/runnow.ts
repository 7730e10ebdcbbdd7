import { kinds, pathOf } from '../api/kinds';
import { create } from '../api/request';
import type { CronJob } from '../api/types';
import { t } from '../texts';
import { tell } from './toasts';

const kNameMax = 52;

// As kubectl create job --from: owned by its CronJob, and named after this moment.
export function runNow(cron: CronJob): Promise<boolean> {
  const template = cron.spec.jobTemplate as { metadata?: { labels?: object; annotations?: object }; spec: unknown };
  const name = `${cron.metadata.name.slice(0, kNameMax)}-${Date.now().toString(36)}`;
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      labels: template.metadata?.labels,
      annotations: { ...template.metadata?.annotations, 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: cron.metadata.name, uid: cron.metadata.uid, controller: true }],
    },
    spec: template.spec,
  };
  return tell(() => create(pathOf(kinds.jobs, cron.metadata.namespace), job), t.done.job(name));
}

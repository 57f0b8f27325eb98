import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ProjectionEvents } from './projection-events.js';
import type { Projector, ProjectorStatus } from './projector.js';
import { known, lagOf } from './watch/source-report.js';
import type { SourceWatch } from './watch/source-watch.js';

const states = ['opening', 'streaming', 'retry', 'standby', 'park', 'stopped'] as const;

/** The projector's figures, fed by its events. */
export function projectorMetrics() {
  const registers = [new Registry()];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `migsbyu_projector_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `migsbyu_projector_${name}`, help, labelNames, registers });
  const changes = counter('changes_total', 'Changes appended to the changelog.');
  const commits = counter('commits_total', 'Commits of the changelog, each a batch of whole transactions.');
  const folds = new Histogram({
    name: 'migsbyu_projector_fold_seconds',
    help: 'How long folds take.',
    labelNames: ['table'],
    buckets: [0.1, 0.3, 1, 3, 10, 30, 100],
    registers,
  });
  const foldFailures = counter('fold_failures_total', 'Folds that failed and were tried again.');
  const upkeepFailures = counter(
    'upkeep_failures_total',
    'Checkpoints and clean-ups that failed and were tried again.',
  );
  const suspicious = counter('suspicious_clocks_total', 'Transactions whose commit time was off by more than 5 s.');
  const state = gauge('state', '1 for the state that the projector is in.', ['state']);
  const events: Omit<ProjectionEvents, 'failed'> = {
    appended: ({ changes: count }) => {
      changes.inc(count);
      commits.inc();
    },
    folded: ({ table, duration }) => folds.observe({ table }, duration / 1000),
    foldFailed: () => foldFailures.inc(),
    upkeepFailed: () => upkeepFailures.inc(),
    suspiciousClock: () => suspicious.inc(),
  };
  const stateChanged = (status: ProjectorStatus) =>
    states.forEach((name) => state.set({ state: name }, name === status.state ? 1 : 0));
  return { registry: registers[0]!, events, stateChanged, observe: observing(registers) };
}

/** Of a connector's task: Connect's own, and what stands for it where there is none, or nobody could be asked. */
const taskStates = ['RUNNING', 'FAILED', 'UNASSIGNED', 'PAUSED', 'STOPPED', 'RESTARTING', 'missing', 'unknown'];

/** Read whenever the figures are asked for; absent where they are not known. */
function observing(registers: Registry[]) {
  return (projector: Pick<Projector, 'running'>, watch: Pick<SourceWatch, 'report' | 'lag'>): void => {
    const gauge = (name: string, help: string, read: () => number | null | undefined) =>
      new Gauge({
        ...{ name: `migsbyu_projector_${name}`, help, registers },
        collect() {
          this.reset();
          const value = read();
          if (value == null) this.remove();
          else this.set(value);
        },
      });
    const slot = () => known(watch.report.slot);
    const topic = () => known(watch.report.topic);
    gauge('position', 'Last position in the changelog.', () => projector.running?.appender.lastPosition);
    gauge('source_lag_seconds', 'Age of the source’s clock up to which the lake is complete.', () => watch.lag);
    gauge('slot_retained_wal_bytes', 'Log that the server keeps for the replication slot.', () => slot()?.retained);
    gauge('slot_wal_limit_bytes', 'The most that it keeps; absent where there is no limit.', () => slot()?.limit);
    gauge('slot_active', '1 while somebody reads the replication slot.', () => slot() && Number(slot()!.active));
    gauge('topic_lag_records', 'Records of the topic that are not read yet.', () => lagOf(topic()));
    taskGauge(watch, registers);
  };
}

function taskGauge(watch: Pick<SourceWatch, 'report'>, registers: Registry[]): Gauge {
  return new Gauge({
    name: 'migsbyu_projector_connector_task_state',
    help: '1 for the state that the connector’s task is in.',
    ...{ labelNames: ['state'], registers },
    collect() {
      this.reset();
      const { connector } = watch.report;
      if (!connector) return;
      const { status } = known(connector) ?? { status: undefined };
      const now = status === undefined ? 'unknown' : status === null ? 'missing' : (status.task ?? status.connector);
      for (const state of taskStates) this.set({ state }, Number(state === now));
    },
  });
}

import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ProjectionEvents } from './projection-events.js';
import type { ProjectorStatus } from './projector.js';

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
  const position = gauge('position', 'Last position in the changelog.');
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
    appended: ({ tip, changes: count }) => {
      changes.inc(count);
      commits.inc();
      position.set(tip.position);
    },
    folded: ({ table, duration }) => folds.observe({ table }, duration / 1000),
    foldFailed: () => foldFailures.inc(),
    upkeepFailed: () => upkeepFailures.inc(),
    suspiciousClock: () => suspicious.inc(),
  };
  const stateChanged = (status: ProjectorStatus) =>
    states.forEach((name) => state.set({ state: name }, name === status.state ? 1 : 0));
  return { registry: registers[0]!, events, stateChanged };
}

import { spawnSync } from 'node:child_process';

/** Whether Kafka can run here. Where tests must not be passed over (CI), what is missing makes them fail instead. */
export function kafkaCanRun(): boolean {
  const missing = ['java', 'mvn'].filter((program) => spawnSync(program, ['--version']).error);
  if (missing.length === 0 || process.env.CI) return true;
  process.stderr.write(`Tests with Kafka are skipped: there is no ${missing.join(' and no ')}.\n`);
  return false;
}

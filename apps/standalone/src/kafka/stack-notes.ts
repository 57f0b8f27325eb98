import { readNote } from '#libs/embedded-kafka';
import { join } from 'node:path';

/** `npm run kafka:up` was here, and its processes run. */
export class KafkaIsUp extends Error {
  readonly code = 'kafka-is-up';
  constructor(
    readonly folder: string,
    readonly pids: readonly number[],
  ) {
    super(`Kafka runs on ${folder} by itself (process ${pids.join(', ')}). Stop it first: npm run kafka:down`);
    this.name = 'KafkaIsUp';
  }
}

/** State and logs of broker and Connect. */
export const kafkaFolder = (dataDir: string): string => join(dataDir, 'kafka');

export const brokerNote = (folder: string): string => join(folder, 'broker.pid');
export const connectNote = (folder: string): string => join(folder, 'connect.pid');

/** @throws KafkaIsUp */
export function assertDown(folder: string): void {
  const pids = [brokerNote(folder), connectNote(folder)].flatMap((file) => readNote(file, folder)?.pid ?? []);
  if (pids.length > 0) throw new KafkaIsUp(folder, pids);
}

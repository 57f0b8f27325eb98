import { setTimeout as sleep } from 'node:timers/promises';
import { ProjectorClient, Refused } from './projector-client.js';

/** An operation as the projector shows it. */
export interface OperationAnswer {
  readonly id: string;
  readonly table: string | null;
  readonly state: 'running' | 'done' | 'cancelled' | 'failed';
  readonly done: number;
  readonly total: number | null;
  readonly report: Readonly<Record<string, unknown>> | null;
  readonly failure: string | null;
  readonly error: string | null;
}

/** The projector restarted while somebody waited for an operation. */
export class Forgotten extends Error {
  readonly code = 'forgotten';
  constructor(readonly address: string) {
    super(`The projector restarted and knows nothing of ${address} any more. Ask for it again.`);
    this.name = 'Forgotten';
  }
}

/** Milliseconds between looks: soon at first, seldom when it takes long. */
const [firstPause, longestPause] = [50, 1000];

/** Begins an operation and waits for its end. @throws Unreachable, Refused, Forgotten */
export async function conduct(
  projector: ProjectorClient,
  collection: string,
  body: object | undefined,
  progress: (now: OperationAnswer) => void,
): Promise<OperationAnswer> {
  let now = (await projector.ask('POST', collection, body)) as unknown as OperationAnswer;
  const address = `${collection}/${now.id}`;
  for (let pause = firstPause; now.state === 'running'; pause = Math.min(pause * 1.5, longestPause)) {
    progress(now);
    await sleep(pause);
    now = await look(projector, address);
  }
  return now;
}

async function look(projector: ProjectorClient, address: string): Promise<OperationAnswer> {
  try {
    return (await projector.askPatiently(address)) as unknown as OperationAnswer;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) throw new Forgotten(address);
    throw error;
  }
}

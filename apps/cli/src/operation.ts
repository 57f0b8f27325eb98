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

/** Somebody has waited long enough; the work goes on in the projector. */
export class WaitingInterrupted extends Error {
  readonly code = 'interrupted';
  constructor(name: string, id: string) {
    super(`The ${name} goes on in the projector: status shows how far it is, and cancel ${id} ends it.`);
    this.name = 'WaitingInterrupted';
  }
}

/** Nothing of this id is at work. */
export class NotRunning extends Error {
  readonly code = 'not-running';
  constructor(id: string) {
    super(`Nothing with the id ${JSON.stringify(id)} is running; status shows what is, each with its id.`);
    this.name = 'NotRunning';
  }
}

/** Milliseconds between looks: soon at first, seldom when it takes long. */
const [firstPause, longestPause] = [50, 1000];

export interface Asked {
  /** What people call it: `verification`. */
  readonly name: string;
  /** Address of its kind. */
  readonly collection: string;
  readonly body: object | undefined;
}

interface Waiting {
  readonly progress: (now: OperationAnswer) => void;
  readonly interrupted?: AbortSignal;
}

/** Begins an operation and waits for its end. @throws Unreachable, Refused, Forgotten, WaitingInterrupted */
export async function conduct(
  projector: ProjectorClient,
  { name, collection, body }: Asked,
  { progress, interrupted }: Waiting,
): Promise<OperationAnswer> {
  let now = (await projector.ask('POST', collection, body)) as unknown as OperationAnswer;
  const address = `${collection}/${now.id}`;
  for (let pause = firstPause; now.state === 'running'; pause = Math.min(pause * 1.5, longestPause)) {
    progress(now);
    await sleep(pause, undefined, { ...(interrupted && { signal: interrupted }) }).catch(() => {});
    if (interrupted?.aborted) throw new WaitingInterrupted(name, now.id);
    now = await look(projector, address);
  }
  return now;
}

/** Resolves with how it ended: it may have been done before it heard. @throws Unreachable, Refused, NotRunning, Forgotten */
export async function cancel(projector: ProjectorClient, id: string): Promise<OperationAnswer & { kind: string }> {
  const { operations } = (await projector.ask('GET', '/v1/status')) as { operations?: { kind: string; id: string }[] };
  const kind = operations?.find((operation) => operation.id === id)?.kind;
  if (!kind) throw new NotRunning(id);
  const address = `/v1/${kind}s/${id}`;
  await projector.delete(address);
  return { kind, ...(await look(projector, address)) };
}

async function look(projector: ProjectorClient, address: string): Promise<OperationAnswer> {
  try {
    return (await projector.askPatiently(address)) as unknown as OperationAnswer;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) throw new Forgotten(address);
    throw error;
  }
}

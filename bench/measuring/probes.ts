/**
 * Commands whose rows are then read: while others load the product, every 50 ms a student's gpa is changed by a command,
 * and the student is asked for with the command's Consistency-Token.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MeasuredProduct } from './measured-product.js';

const interval = 50;
/** Known to the event store, and to nobody who writes past it. */
const probed = 100;

/** Times are the wall clock's, milliseconds since 1970. */
export interface Probe {
  readonly commanded: number;
  readonly shown: number;
  /** How long the same question takes when there is nothing to wait for. */
  readonly read: number;
  readonly position: number;
}

const now = () => performance.timeOrigin + performance.now();

/** Ids of the students that `probes` changes. */
export async function registerProbed(product: MeasuredProduct): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < probed; i++) {
    const answer = await fetch(`${product.url('command-api')}/v1/students`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        first_name: 'Ada',
        last_name: `Probe ${i}`,
        date_of_birth: '2004-12-10',
        year_of_study: 1,
        gpa: 2,
        enrollment_status: 'full-time',
      }),
    });
    if (answer.status !== 201) throw new Error(`Registering was answered with ${await answer.text()}`);
    ids.push(((await answer.json()) as { id: string }).id);
  }
  return ids;
}

/** Null if the answer came too late to be one. */
export async function probe(product: MeasuredProduct, id: string, gpa: number): Promise<Probe | null> {
  const changed = await fetch(`${product.url('command-api')}/v1/students/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ gpa }),
  });
  const commanded = now();
  if (changed.status !== 200) throw new Error(`A command was answered with ${await changed.text()}`);
  void changed.arrayBuffer();
  const url = `${product.url('query-api')}/v1/dimensions/students/${id}`;
  const shown = await fetch(`${url}?wait=10`, {
    headers: { 'consistency-token': changed.headers.get('consistency-token')! },
  });
  const { data } = (await shown.json()) as { data: { gpa: number; opened_tx: number } };
  const shownAt = now();
  if (shown.status === 503) return null;
  if (data.gpa !== gpa) throw new Error(`The answer to a token shows gpa ${data.gpa} instead of ${gpa}.`);
  await fetch(url).then((again) => again.arrayBuffer());
  return { commanded, shown: shownAt, read: now() - shownAt, position: data.opened_tx };
}

/** One every `interval`, whether or not the one before was answered. Each `turn` sets other values. */
export async function probes(
  product: MeasuredProduct,
  ids: readonly string[],
  { seconds, turn }: { seconds: number; turn: number },
): Promise<(Probe | null)[]> {
  const started = performance.now();
  const asked: Promise<Probe | null>[] = [];
  for (let i = 0; i * interval < seconds * 1000; i++) {
    const due = started + i * interval - performance.now();
    if (due > 0) await sleep(due);
    const gpa = ((Math.floor(i / ids.length) + turn * 100) % 400) / 100; // another one than last time
    asked.push(probe(product, ids[i % ids.length]!, gpa));
  }
  return Promise.all(asked);
}

/**
 * One student's story, told over HTTP while processes are killed: what was answered with success is there, once, at
 * every moment asked for, with who did it and by which command.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Product } from './product.js';

const id = '4F1A09C3BE';

interface Version {
  readonly student_key: number;
  readonly first_name: string;
  readonly last_name: string;
  readonly gpa: number | null;
  readonly valid_from: string;
  readonly valid_to: string | null;
  readonly opened_tx: number;
  readonly closed_tx: number | null;
  readonly actor: string | null;
  readonly command: string | null;
  readonly is_current: boolean;
}
interface AsOf {
  readonly position: number;
  readonly time: string;
  readonly final: boolean;
}

const record = {
  first_name: 'Zoe',
  last_name: 'ONeill',
  gender: null,
  address: '12 St James Square',
  date_of_birth: '2004-12-10',
  major: 'Mathematics',
  year_of_study: 2,
  gpa: 3.1,
  enrollment_status: 'full-time',
};
const renamed = { first_name: 'Zoë "💥"', last_name: "O'Néill\n" };

/** What is true from each command on; null where there is no student. */
const story = [
  { actor: 'ada', command: 'RegisterStudent', state: { first_name: 'Zoe', last_name: 'ONeill', gpa: 3.1 } },
  { actor: 'grace', command: 'ChangeStudent', state: { first_name: 'Zoe', last_name: 'ONeill', gpa: 3.5 } },
  { actor: 'alan', command: 'ChangeStudent', state: { first_name: 'Zoe', last_name: 'ONeill', gpa: 3.7 } },
  { actor: 'Zoë', command: 'ChangeStudent', state: { ...renamed, gpa: 3.7 } },
  { actor: 'registrar', command: 'RemoveStudent', state: null },
  { actor: 'ada', command: 'RegisterStudent', state: { first_name: 'Zoe', last_name: 'ONeill', gpa: 2 } },
];

let product: Product;
/** The consistency token of each command, in order. */
const tokens: string[] = [];

async function command(method: string, path: string, actor: string, body?: object): Promise<Response> {
  const answer = await fetch(`${product.url}/api/commands/v1/students${path}`, {
    method,
    headers: {
      'x-actor': Buffer.from(actor).toString('latin1'), // the header's bytes are UTF-8
      ...(body && { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  tokens.push(answer.headers.get('consistency-token')!);
  return answer;
}

/** Asks until the service is there again, as a client does that is told 503. */
async function query(path: string, headers: Record<string, string> = {}): Promise<Response> {
  for (;;) {
    const answer = await fetch(`${product.url}/api/queries/v1/dimensions/students${path}`, { headers });
    if (answer.status !== 503) return answer;
    await answer.arrayBuffer();
    await sleep(100);
  }
}

async function history(): Promise<Version[]> {
  const answer = await query(`/${id}/history?sort=opened_tx`, { 'consistency-token': tokens.at(-1)! });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { data: Version[] }).data;
}

/** The student as of a moment: its state and the cut that was used; the state is null where there is none. */
async function at(moment: string | number): Promise<{ state: object | null; cut: number }> {
  const answer = await query(`/${id}?as_of=${encodeURIComponent(moment)}`);
  const body = (await answer.json()) as { data: Version; as_of: AsOf; code?: string };
  if (answer.status === 404) {
    expect(body.code).toBe('not-found');
    return { state: null, cut: -1 };
  }
  expect(answer.status).toBe(200);
  expect(answer.headers.get('as-of-position')).toBe(String(body.as_of.position));
  return { state: stateOf(body.data), cut: body.as_of.position };
}

const stateOf = ({ first_name, last_name, gpa }: Version) => ({ first_name, last_name, gpa });

/** An instant one microsecond earlier. */
function justBefore(instant: string): string {
  const microseconds = BigInt(Date.parse(`${instant.slice(0, 19)}Z`)) * 1000n + BigInt(instant.slice(20, 26)) - 1n;
  const seconds = new Date(Number(microseconds / 1_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(microseconds % 1_000_000n).padStart(6, '0')}Z`;
}

/** A fold never changes what is answered: the story is told with none, and with one as often as can be. */
const foldings: { when: string; environment: Record<string, string> }[] = [
  { when: 'nothing is folded', environment: { FOLD_CHANGES: '100000000', FOLD_AGE_SECONDS: '86400' } },
  { when: 'everything is folded at once', environment: { FOLD_CHANGES: '1' } },
];

describe.each(foldings)("a student's story, told while processes are killed and $when", ({ environment }) => {
  beforeAll(async () => {
    tokens.length = 0;
    product = await Product.start(environment);
  });
  afterAll(() => product.discard());

  it('is accepted command by command, whether the projector lives or not', async () => {
    const created = await command('POST', '', 'ada', { id, ...record });
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe(`/api/commands/v1/students/${id}`);
    await product.kill('projector');

    await command('PATCH', `/${id}`, 'grace', { gpa: 3.5 });
    await command('PATCH', `/${id}`, 'alan', { gpa: 3.7 }); // milliseconds later
    await command('PATCH', `/${id}`, 'Zoë', renamed);

    // the lake has it although its only writer was killed before it was said
    expect((await history()).map(stateOf)).toEqual(story.slice(0, 4).map(({ state }) => state));
    await product.kill('projector');
    expect((await command('DELETE', `/${id}`, 'registrar')).status).toBe(204);

    await product.killEverything();
    await product.startAgain();
    expect((await fetch(`${product.url}/api/commands/v1/students/${id}`)).status).toBe(404);
    await command('POST', '', 'ada', { id, ...record, gpa: 2 });
    await product.kill('projector');
  });

  it('is one version for each state, nothing lost and nothing doubled, each with who and which command', async () => {
    const versions = await history();
    const told = story.filter(({ state }) => state !== null);
    expect(versions.map((version) => ({ ...stateOf(version) }))).toEqual(told.map(({ state }) => state));
    expect(versions.map(({ actor, command: by }) => [actor, by])).toEqual(
      told.map(({ actor, command: by }) => [actor, by]),
    );
    expect(versions.map(({ is_current }) => is_current)).toEqual([false, false, false, false, true]);
    expect(new Set(versions.map(({ student_key }) => student_key)).size).toBe(5);
  });

  it('has versions that meet, but for the gap after the removal', async () => {
    const [registered, first, second, named, again] = (await history()) as [
      Version,
      Version,
      Version,
      Version,
      Version,
    ];
    for (const [one, next] of [
      [registered, first],
      [first, second],
      [second, named],
    ] as const)
      expect([one.valid_to, one.closed_tx]).toEqual([next.valid_from, next.opened_tx]);
    expect(named.valid_to! < again.valid_from && named.closed_tx! < again.opened_tx).toBe(true);
    expect([again.valid_to, again.closed_tx]).toEqual([null, null]);
  });

  it('is told the same of every moment, by time and by position', async () => {
    const versions = await history();
    for (const version of versions) {
      const state = stateOf(version);
      const from = await at(version.valid_from);
      expect(from.state).toEqual(state);
      expect((await at(from.cut)).state).toEqual(state);
      // a transaction of two changes: its first position is not yet its end
      expect((await at(version.opened_tx)).state).toEqual((await at(justBefore(version.valid_from))).state);
      if (version.valid_to !== null) expect((await at(justBefore(version.valid_to))).state).toEqual(state);
    }
  });

  it('has no student before the first, nor between the removal and the second', async () => {
    const versions = await history();
    expect((await at(justBefore(versions[0]!.valid_from))).state).toBeNull();
    expect((await at('2020-01-01')).state).toBeNull();
    expect((await at(versions[3]!.valid_to!)).state).toBeNull();
    expect((await at(justBefore(versions[4]!.valid_from))).state).toBeNull();
  });

  it('is read by each command’s own token as that command left it, or later', async () => {
    for (const token of tokens) expect((await query(`/${id}`, { 'consistency-token': token })).status).toBe(200); // the last state is there
  });

  it('is kept by the write side as events, each with who and why', async () => {
    const answer = await fetch(`${product.url}/api/commands/v1/students/${id}/events`);
    const { data } = (await answer.json()) as {
      data: { version: number; type: string; metadata: { actor: string; command: string } }[];
    };
    expect(data.map(({ version, type, metadata }) => [version, type, metadata.actor, metadata.command])).toEqual([
      [1, 'StudentRegistered', 'ada', 'RegisterStudent'],
      [2, 'GpaChanged', 'grace', 'ChangeStudent'],
      [3, 'GpaChanged', 'alan', 'ChangeStudent'],
      [4, 'StudentRenamed', 'Zoë', 'ChangeStudent'],
      [5, 'StudentRemoved', 'registrar', 'RemoveStudent'],
      [6, 'StudentRegistered', 'ada', 'RegisterStudent'],
    ]);
  });

  it('is the same after an ordinary restart', async () => {
    const before = await history();
    expect(await product.stop()).toBe(0);
    await product.startAgain();
    expect(await history()).toEqual(before);
  });
});

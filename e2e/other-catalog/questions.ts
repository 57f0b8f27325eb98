/** What may be asked of each key at each moment, and what the answer must be. */
import type { Table } from '#libs/catalog';
import { asOf, inForce, seenAt, type ExpectedKey, type PlacedMoment } from './expected-versions.js';
import type { Answer, AsOf, QueryClient, Row } from './query-client.js';

export interface Question {
  readonly path: string;
  readonly answer: Pick<Answer, 'status' | 'code' | 'data' | 'as_of'>;
}

const beforeAll: AsOf = { position: 0, time: null, final: true };

/** Each key as of the moments around each change of it, by position and by time, and its history. */
export function questionsOf(table: Table, keys: readonly ExpectedKey[], moments: readonly PlacedMoment[]): Question[] {
  const captured = moments.filter((moment) => moment.captured);
  const addressable = keys.filter(({ key }) => !key.includes('')); // an empty part is no part of a path
  return addressable.flatMap((key) => {
    const path = `/v1/${table.kind}s/${table.table}/${key.path}`;
    const around = captured.flatMap((moment, i) =>
      changesAt(key, moment) ? momentsAround(moment, captured[i - 1]) : [],
    );
    return [
      ...around.map(([as, cut]) => ({ path: `${path}?as_of=${as}`, answer: stateAt(key, cut) })),
      ...around.slice(1, 3).map(([as, cut]) => ({ path: `${path}/history?as_of=${as}`, answer: historyAt(key, cut) })),
      { path, answer: stateAt(key, asOf(moments.at(-1)!)) },
      { path: `${path}/history?limit=1000`, answer: historyAt(key, asOf(moments.at(-1)!)) },
    ];
  });
}

/** The questions whose answers are others, with both; eight are asked at a time. */
export async function wrongAnswers(reader: QueryClient, questions: readonly Question[]): Promise<object[]> {
  const [wrong, left]: [object[], Question[]] = [[], [...questions]];
  const ask = async () => {
    for (let question; (question = left.shift());) {
      const { status, code, data, as_of } = await reader.get(question.path);
      const answer = status === 200 ? { status, data, as_of } : { status, code };
      if (JSON.stringify(sorted(answer)) !== JSON.stringify(sorted(question.answer)))
        wrong.push({ ...question, got: answer });
    }
  };
  await Promise.all(Array.from({ length: 8 }, ask));
  return wrong;
}

function changesAt({ versions, unknown }: ExpectedKey, { at }: PlacedMoment): boolean {
  const bounds = [...versions.flatMap((version) => [version['opened_tx'], version['closed_tx']]), ...unknown.flat()];
  return bounds.includes(at.first);
}

/** Ways to ask for a moment and for the one before it, each with the cut that is meant. */
function momentsAround(moment: PlacedMoment, previous: PlacedMoment | undefined): [string, AsOf][] {
  const before = previous ? asOf(previous) : beforeAll;
  const { first, last, effective_at, just_before } = moment.at;
  return [
    [just_before, before],
    [effective_at, asOf(moment)],
    [String(last), asOf(moment)],
    ...(first < last ? [[String(first), before] as [string, AsOf]] : []),
  ];
}

function stateAt(key: ExpectedKey, cut: AsOf): Question['answer'] {
  const version = key.versions.find((one) => inForce(one, cut.position));
  return version ? { status: 200, data: seenAt(version, cut.position), as_of: cut } : absentAt(key, cut);
}

function historyAt(key: ExpectedKey, cut: AsOf): Question['answer'] {
  const versions = key.versions.filter((version) => (version['opened_tx'] as number) <= cut.position);
  if (versions.length === 0) return absentAt(key, cut);
  return { status: 200, data: versions.map((version) => seenAt(version, cut.position)).reverse(), as_of: cut };
}

function absentAt({ key, unknown }: ExpectedKey, { position }: AsOf): Question['answer'] {
  if (unknown.some(([from, to]) => from <= position && (to === null || to > position)))
    return { status: 404, code: 'quarantined' };
  return key.some((text) => /^-?infinity$/.test(text))
    ? { status: 422, code: 'invalid' }
    : { status: 404, code: 'not-found' };
}

/** The order of an object's fields says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value as Row)
    .map(([name, field]) => [name, sorted(field)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What a request says of time: the moment it asks about, and what must be visible before it is answered. */
import type { ParameterName } from '#libs/catalog';
import type { ConsistencyToken } from '#libs/consistency-token';
import { refusal, type ParameterError } from '#libs/list-query';
import { invalid, type ValueError } from '#libs/problems';
import { asOfWanted, readAsOf, readToken, type AsOf } from './as-of.js';

export const timingParameters: readonly ParameterName[] = ['as_of', 'consistency_token', 'wait'];

export interface Timing {
  readonly asOf: AsOf;
  /** `as_of` as it was written; null if it was not. */
  readonly written: string | null;
  readonly tokens: readonly ConsistencyToken[];
  /** How long to wait for what is not visible yet. */
  readonly waitMilliseconds: number;
}

const [defaultWait, longestWait] = [2, 10];
const tokenWanted = 'the Consistency-Token of a command, as it came';

/** @throws Problem naming everything that cannot be read. */
export function readTiming(parameters: ReadonlyMap<string, string>, tokenHeader: string | undefined): Timing {
  const errors: ValueError[] = [];
  const read = <T>(name: string, reader: (text: string) => T | null, wanted: string): T | null => {
    const got = parameters.get(name);
    const value = got === undefined ? null : reader(got);
    if (got !== undefined && value === null) errors.push(wrong(name, got, wanted));
    return value;
  };
  const asOf = read('as_of', readAsOf, asOfWanted) ?? ({ kind: 'now' } as const);
  const parameterToken = read('consistency_token', readToken, tokenWanted);
  const wait = read('wait', readWait, `seconds from 0 to ${longestWait}, like 2.5`) ?? defaultWait;
  const headerToken = tokenHeader === undefined ? null : readToken(tokenHeader);
  if (tokenHeader !== undefined && !headerToken) errors.push(wrongHeader(tokenHeader));
  if (errors.length > 0) throw invalid(errors);
  return {
    asOf,
    written: parameters.get('as_of') ?? null,
    tokens: [asOf.kind === 'token' ? asOf.token : null, parameterToken, headerToken].filter((token) => token !== null),
    waitMilliseconds: wait * 1000,
  };
}

function readWait(text: string): number | null {
  const seconds = /^\d{1,2}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN;
  return seconds <= longestWait ? seconds : null;
}

function wrong(parameter: string, got: string, wanted: string): ParameterError {
  return { parameter, code: 'wrong-type', detail: `${parameter} cannot be ${JSON.stringify(got)}.`, got, wanted };
}

const wrongHeader = (got: string): ValueError => ({
  header: 'Consistency-Token',
  code: 'wrong-type',
  detail: 'The header Consistency-Token cannot be read.',
  got,
  wanted: tokenWanted,
});

/** What a cursor keeps of the first page's moment, so that every page shows the same one. */
export const pinOf = (cut: { position: number; final: boolean }, { written }: Timing): string =>
  JSON.stringify([cut.position, cut.final, written]);

/**
 * The timing of a further page: the first page's moment, on this process or another one.
 * @throws Problem `cursor-mismatch` if the request asks for another moment, or the pin is none.
 */
export function pinnedTiming(timing: Timing, pin: string): Timing {
  const [position, final, written] = parsed(pin);
  const isPin = Number.isSafeInteger(position) && (position as number) >= 0 && typeof final === 'boolean';
  const same = timing.written === null || timing.written === written || timing.written === String(position);
  if (!isPin || !same) throw otherMoment(timing);
  return { ...timing, asOf: { kind: 'pinned', position: position as number, final } };
}

function parsed(pin: string): unknown[] {
  try {
    const content: unknown = JSON.parse(pin);
    return Array.isArray(content) ? content : [];
  } catch {
    return [];
  }
}

const otherMoment = ({ written }: Timing) =>
  refusal([
    {
      parameter: 'cursor',
      code: 'cursor-mismatch',
      detail: 'The cursor goes on with a list of another moment.',
      got: written ?? '',
      wanted: 'as_of as it was for the first page, or none',
    },
  ]);

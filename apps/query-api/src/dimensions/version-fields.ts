import { surrogateKey, type Table } from '#libs/catalog';
import type { ListField, ListSpec } from '#libs/list-query';
import { timingParameters } from '../as-of/timing.js';
import type { ValueType } from '../values/value-codec.js';

/** A column of a version as the API shows it. */
export interface VersionField extends ListField {
  readonly shown: ValueType;
  readonly description: string;
  readonly example?: string | number | boolean;
}

const position = { type: 'bigint', shown: 'position' } as const;
const instant = { type: 'timestamptz', shown: 'timestamptz' } as const;
const text = { type: 'text', shown: 'text' } as const;

/**
 * In the order of the lake. Columns outside the key may be null whatever the source says: one that did not exist yet is
 * null in older versions.
 */
export function versionFields(table: Table): VersionField[] {
  const business = table.columns.map(({ name, type, description, example }) => ({
    name,
    type,
    shown: type,
    nullable: !table.key.includes(name),
    description,
    ...(example !== undefined && { example }),
  }));
  return [{ name: surrogateKey(table), ...surrogate }, ...business, ...interval];
}

const surrogate = {
  ...position,
  description: 'Surrogate key of the version: the position of the change that opened it.',
  example: 4711,
};

/** What every version has beside its key and its business columns. */
const interval: readonly VersionField[] = [
  { name: 'valid_from', ...instant, description: 'When it came into force.', example: '2026-03-01T08:00:00.123456Z' },
  { name: 'valid_to', ...instant, nullable: true, description: 'When it ceased to be; null while it is in force.' },
  { name: 'opened_tx', ...position, description: 'First position of the transaction that opened it.', example: 4710 },
  { name: 'closed_tx', ...position, nullable: true, description: 'First position of the transaction that closed it.' },
  { name: 'actor', ...text, nullable: true, description: 'Who opened it, where that is known.', example: 'registrar' },
  { name: 'command', ...text, nullable: true, description: 'The command that opened it, where that is known.' },
  {
    name: 'is_current',
    type: 'boolean',
    shown: 'boolean',
    description: 'Whether it is in force at the moment of the answer.',
    example: true,
  },
];

/** A version is identified by its business key and the transaction that opened it. */
export const versionListSpec = (table: Table): ListSpec => ({
  fields: versionFields(table),
  key: [...table.key, 'opened_tx'],
  otherParameters: [...timingParameters, 'versions'],
});

export const historyListSpec = (table: Table): ListSpec => ({
  fields: versionFields(table),
  key: ['opened_tx'],
  defaultSort: '-opened_tx',
  otherParameters: timingParameters,
});

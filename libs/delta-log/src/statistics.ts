type Integers = Readonly<Record<string, number | bigint>>;

export interface Statistics {
  readonly numRecords: number;
  readonly minValues: Integers;
  readonly maxValues: Integers;
  readonly nullCount?: Integers;
}

/**
 * JSON text for `AddFile.stats` (Delta protocol, "Per-file Statistics"). Integers only, so that no reader can round or
 * misread a bound and skip a file that it needs.
 * @throws RangeError naming a value that is no exact integer.
 */
export function statsOf({ numRecords, minValues, maxValues, nullCount }: Statistics): string {
  const parts = { minValues, maxValues, ...(nullCount && { nullCount }) };
  const objects = Object.entries(parts).map(([name, integers]) => `"${name}":${encode(name, integers)}`);
  return `{"numRecords":${exact('numRecords', numRecords)},${objects.join(',')}}`;
}

const encode = (part: string, integers: Integers): string =>
  `{${Object.entries(integers)
    .map(([column, value]) => `${JSON.stringify(column)}:${exact(`${part}.${column}`, value)}`)
    .join(',')}}`;

function exact(name: string, value: number | bigint): string {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value))
    throw new RangeError(`${name} is ${value}; wanted an integer below 2^53, or a bigint`);
  return String(value);
}

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

/**
 * Statistics of `numRecords` rows that lay in files of these statistics. A column that one of them does not bound, or
 * bounds by something else than integers, has no bounds: they may be left out, and must not be wrong.
 */
export function mergedStats(stats: readonly string[], numRecords: number): string {
  const all = stats.map(parse);
  const bounds = (part: 'minValues' | 'maxValues', better: (a: bigint, b: bigint) => boolean) => {
    const columns = Object.keys(all[0]?.[part] ?? {});
    const merged = columns.map(
      (column) =>
        [
          column,
          best(
            all.map((one) => one[part]?.[column]),
            better,
          ),
        ] as const,
    );
    return Object.fromEntries(merged.filter((entry): entry is readonly [string, bigint] => entry[1] !== undefined));
  };
  return statsOf({
    numRecords,
    minValues: bounds('minValues', (a, b) => a < b),
    maxValues: bounds('maxValues', (a, b) => a > b),
  });
}

/** Rows in a file; NaN where its statistics do not say. */
export const recordsOf = ({ stats }: { readonly stats?: string }): number =>
  Number((JSON.parse(stats ?? '{}') as { numRecords?: number }).numRecords);

type Bounds = Readonly<Record<string, unknown>>;

/** Integers as bigint: some are beyond what JSON.parse keeps exactly. */
const parse = (stats: string) =>
  JSON.parse(stats, (_name, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && /^-?\d+$/.test(context?.source ?? '') ? BigInt(context!.source!) : value,
  ) as { minValues?: Bounds; maxValues?: Bounds };

function best(values: readonly unknown[], better: (a: bigint, b: bigint) => boolean): bigint | undefined {
  if (!values.every((value) => typeof value === 'bigint')) return undefined;
  return values.reduce((a, b) => (better(b, a) ? b : a));
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

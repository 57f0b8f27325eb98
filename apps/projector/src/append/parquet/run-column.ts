/** A column whose values are few, or come many times in a row: a dictionary of them, and runs of places in it. */
import { codecFor, dataPage, dictionaryPage, encoding, levelsBlock, statisticsOf, type ColumnChunk } from './page.js';
import { bytesOfInteger, plainValues, type PlainValues, type Value } from './plain-value.js';
import { RunLengths } from './run-lengths.js';

/** Bytes of a text that is worth to be a bound in the statistics. */
const longestBound = 64;

export class RunColumn {
  private readonly distinct: Value[] = [];
  /** Value → place in `distinct`; not there as long as each is above the one before, as stamps mostly are. */
  private places: Map<Value, number> | null = null;
  private readonly runs = new RunLengths();
  private readonly present = new RunLengths();
  private values = 0;
  private nulls = 0;
  private last: Value | null = null;
  private lastPlace = 0;

  constructor(private readonly nullable: boolean) {}

  add(value: Value | null, count = 1): void {
    if (this.nullable) this.present.add(value === null ? 0 : 1, count);
    this.values += count;
    if (value === null) this.nulls += count;
    else this.runs.add(this.placeOf(value), count);
  }

  async finish(): Promise<ColumnChunk> {
    const dictionary = plainValues(this.distinct);
    const bits = Math.max(1, Math.ceil(Math.log2(this.distinct.length)));
    const indices = Buffer.concat([Uint8Array.of(bits), this.runs.encode(bits)]);
    const statistics = statisticsOf(this.nulls, this.bounds());
    const levels = this.nullable ? levelsBlock(this.present.encode(1)) : new Uint8Array();
    const plainSize = this.plainSize(dictionary);
    if (dictionary.bytes.length + indices.length > plainSize) {
      const body = Buffer.concat([levels, this.expanded(dictionary, plainSize)]);
      const by = codecFor(body.length);
      const pages = [await dataPage(body, this.values, encoding.plain, by)];
      return { codec: by, encodings: [encoding.plain, encoding.runLengths], dictionary: null, pages, statistics };
    }
    const by = codecFor(dictionary.bytes.length + indices.length);
    return {
      ...{ codec: by, encodings: [encoding.plain, encoding.runLengths, encoding.dictionary], statistics },
      dictionary: await dictionaryPage(dictionary.bytes, this.distinct.length, by),
      pages: [await dataPage(Buffer.concat([levels, indices]), this.values, encoding.dictionary, by)],
    };
  }

  private placeOf(value: Value): number {
    if (value === this.last) return this.lastPlace;
    const isNew = !this.places && (this.last === null || value > this.last);
    if (!isNew) this.places ??= new Map(this.distinct.map((one, place) => [one, place]));
    let place = isNew ? undefined : this.places!.get(value);
    if (place === undefined) {
      place = this.distinct.push(value) - 1;
      this.places?.set(value, place);
    }
    [this.last, this.lastPlace] = [value, place];
    return place;
  }

  private plainSize({ ends }: PlainValues): number {
    let size = 0;
    this.runs.forEach((place, count) => (size += (ends[place]! - (ends[place - 1] ?? 0)) * count));
    return size;
  }

  private expanded({ bytes, ends }: PlainValues, size: number): Buffer {
    const all = Buffer.allocUnsafe(size);
    let at = 0;
    this.runs.forEach((place, count) => {
      for (let i = 0; i < count; i++) at += bytes.copy(all, at, ends[place - 1] ?? 0, ends[place]);
    });
    return all;
  }

  private bounds(): readonly [Uint8Array, Uint8Array] | null {
    const { distinct } = this;
    if (typeof distinct[0] === 'string') return boundsOfTexts(distinct as string[]);
    let [min, max] = [distinct[0] ?? null, distinct[0] ?? null] as (number | bigint | null)[];
    for (const value of distinct as (number | bigint)[]) {
      if (value < min!) min = value;
      if (value > max!) max = value;
    }
    return min === null ? null : [bytesOfInteger(min), bytesOfInteger(max!)];
  }
}

/** By their bytes, as Parquet orders them. None of many: they are names of transactions, which nobody looks for by range. */
function boundsOfTexts(texts: readonly string[]): readonly [Uint8Array, Uint8Array] | null {
  if (texts.length > 100) return null;
  const sorted = texts.map((text) => Buffer.from(text)).sort(Buffer.compare);
  return sorted.every(({ length }) => length <= longestBound) ? [sorted[0]!, sorted.at(-1)!] : null;
}

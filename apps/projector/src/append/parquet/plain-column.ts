/** A column whose values are mostly different ones: texts, or integers that rise. */
import {
  codec,
  codecFor,
  dataPage,
  encoding,
  levelsBlock,
  statisticsOf,
  type Codec,
  type ColumnChunk,
  type Page,
} from './page.js';
import { bytesOfInteger, integerBytes, writeInteger } from './plain-value.js';
import { RunLengths } from './run-lengths.js';

/** Bytes of a page's buffer: it doubles from the first to the second. */
const [firstSize, pageSize] = [4 << 10, 1 << 20];

export class PlainColumn {
  private buffer = Buffer.allocUnsafeSlow(firstSize);
  private length = 0;
  /** Of the page that is being filled, NULLs among them. */
  private values = 0;
  private readonly present = new RunLengths();
  private readonly pages: Promise<Page>[] = [];
  private nulls = 0;
  private bounds: { min: number; max: number } | null = null;
  private compressing = 0;

  constructor(private readonly nullable: boolean) {}

  /** Bytes of the pages that are being compressed. */
  get waiting(): number {
    return this.compressing;
  }

  text(value: string | null): void {
    if (value === null) this.nulls++;
    else this.write(value);
    if (this.nullable) this.present.add(value === null ? 0 : 1);
    this.values++;
  }

  integer(value: number): void {
    this.makeRoom(integerBytes);
    writeInteger(this.buffer, value, this.length);
    this.length += integerBytes;
    this.values++;
    this.bounds ??= { min: value, max: value };
    if (value > this.bounds.max) this.bounds.max = value;
    else if (value < this.bounds.min) this.bounds.min = value;
  }

  /** Resolves when no page is being compressed. */
  async settled(): Promise<void> {
    await Promise.all(this.pages);
  }

  async finish(): Promise<ColumnChunk> {
    const by = this.pages.length > 0 ? codec.zstd : codecFor(this.length);
    if (this.values > 0) this.closePage(by);
    const { nulls, bounds } = this;
    return {
      ...{ codec: by, encodings: [encoding.plain, encoding.runLengths], dictionary: null },
      pages: await Promise.all(this.pages),
      statistics: statisticsOf(nulls, bounds && [bytesOfInteger(bounds.min), bytesOfInteger(bounds.max)]),
    };
  }

  private write(text: string): void {
    this.makeRoom(4 + 3 * text.length);
    const written = this.buffer.write(text, this.length + 4, 'utf8');
    this.buffer.writeUInt32LE(written, this.length);
    this.length += 4 + written;
  }

  private makeRoom(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    if (this.length + bytes > pageSize && this.length > 0) this.closePage(codec.zstd);
    if (bytes <= this.buffer.length - this.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.length + bytes, Math.min(2 * this.buffer.length, pageSize)));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }

  private closePage(by: Codec): void {
    const written = this.buffer.subarray(0, this.length);
    const body = this.nullable ? Buffer.concat([levelsBlock(this.present.encode(1)), written]) : Buffer.from(written);
    const page = dataPage(body, this.values, encoding.plain, by);
    this.compressing += body.length;
    const release = () => (this.compressing -= body.length);
    page.then(release, release); // its failure is met by whoever finishes
    this.pages.push(page);
    [this.length, this.values] = [0, 0];
    this.present.clear();
  }
}

import { varint } from './thrift.js';

/** Small integers, each mostly equal to the one before. */
export class RunLengths {
  /** A value, how often it comes, the next value, … */
  private readonly runs: number[] = [];

  add(value: number, count = 1): void {
    const { runs } = this;
    if (runs.length > 0 && runs[runs.length - 2] === value) runs[runs.length - 1]! += count;
    else runs.push(value, count);
  }

  clear(): void {
    this.runs.length = 0;
  }

  forEach(take: (value: number, count: number) => void): void {
    for (let i = 0; i < this.runs.length; i += 2) take(this.runs[i]!, this.runs[i + 1]!);
  }

  /** Parquet's "RLE / bit-packing hybrid", of which runs alone are a part. `bits`: as many as the largest value has. */
  encode(bits: number): Uint8Array {
    const bytes: number[] = [];
    this.forEach((value, count) => {
      bytes.push(...varint(2 * count));
      for (let shift = 0; shift < bits; shift += 8) bytes.push((value >>> shift) & 0xff);
    });
    return Uint8Array.from(bytes);
  }
}

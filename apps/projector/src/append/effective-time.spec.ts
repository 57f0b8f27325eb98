import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { effectiveTime } from './effective-time.js';

const second = 1_000_000n;
const calm = { previous: 0n, watermark: 0n, committedAt: 100n * second, now: 100n * second };

describe('effective time', () => {
  it('is the commit time while the clocks agree', () => {
    expect(effectiveTime(calm)).toEqual({ effectiveAt: 100n * second, suspicious: false });
  });

  it('is one microsecond after the transaction before, where commit times tie or run backwards a little', () => {
    const previous = 100n * second;
    expect(effectiveTime({ ...calm, previous })).toEqual({ effectiveAt: previous + 1n, suspicious: false });
    expect(effectiveTime({ ...calm, previous, committedAt: previous - second }).effectiveAt).toBe(previous + 1n);
  });

  it('comes after everything that was called final', () => {
    expect(effectiveTime({ ...calm, watermark: 101n * second }).effectiveAt).toBe(101n * second + 1n);
  });

  it('is held to five seconds ahead of here when the source jumps a year ahead, and says so', () => {
    const committedAt = calm.now + 365n * 86_400n * second;
    expect(effectiveTime({ ...calm, committedAt })).toEqual({ effectiveAt: calm.now + 5n * second, suspicious: true });
  });

  it('says so when the source falls a year behind', () => {
    const previous = calm.now;
    const committedAt = previous - 365n * 86_400n * second;
    expect(effectiveTime({ ...calm, previous, committedAt })).toEqual({ effectiveAt: previous + 1n, suspicious: true });
  });

  it('rises strictly whatever the clocks do', () => {
    const clocks = fc.array(fc.record({ committedAt: fc.bigInt(0n, 10n ** 16n), now: fc.bigInt(0n, 10n ** 16n) }));
    fc.assert(
      fc.property(clocks, fc.bigInt(0n, 10n ** 16n), (readings, watermark) => {
        let previous = 0n;
        for (const reading of readings) {
          const { effectiveAt } = effectiveTime({ ...reading, previous, watermark });
          expect(effectiveAt).toBeGreaterThan(previous);
          expect(effectiveAt).toBeGreaterThan(watermark);
          previous = effectiveAt;
        }
      }),
    );
  });
});

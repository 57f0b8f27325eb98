import { describe, expect, it } from '@jest/globals';
import type { ConsistencyToken } from '#libs/consistency-token';
import type { SourceEpoch } from '#libs/change-event';
import type { Watermark } from '#libs/lake';
import { VisibleTransactions } from './visible-transactions.js';

const epoch: SourceEpoch = {
  ...{ system_identifier: '1', timeline: 1, database: 'ledger', adapter: 'postgres', identity: 'slot' },
  consistent_point: '0/10',
};
const restored: SourceEpoch = { ...epoch, system_identifier: '2', consistent_point: '0/20' };
const resnapshotted: SourceEpoch = { ...epoch, identity: 'another slot', consistent_point: '0/90' };

const token = (xid: number | bigint, lsn: string, of: SourceEpoch = epoch): ConsistencyToken => ({
  ...{ system_identifier: of.system_identifier, timeline: of.timeline, database: of.database },
  ...{ xid: String(xid), lsn, issued_at: '2026-03-01T08:00:00.500000Z' },
});
const issued = 1_772_352_000_500_000n;

/** What the lake was complete up to so many seconds after the tokens were issued. */
const watermark = (seconds: number, lsn: number, of = epoch): Watermark => ({
  ...{ epoch: JSON.stringify(of), lsn, position: 7, source_time: issued + BigInt(Math.round(seconds * 1e6)) },
  time: issued,
});

const commit = (txId: number, commitLsn: number) => ({ txId: String(txId), commitLsn, read: false });
const snapshot = (commitLsn: number) => ({ txId: '0', commitLsn, read: true });

function applied(transactions: { txId: string; commitLsn: number; read: boolean }[], of = epoch): VisibleTransactions {
  const visible = new VisibleTransactions();
  visible.apply(transactions, JSON.stringify(of));
  return visible;
}

describe('a token', () => {
  it('is visible once its transaction is applied, whatever the watermark says', () => {
    const visible = applied([commit(700, 0x50)]);
    expect(visible.shows(token(700, '0/50'), null)).toBe(true);
    expect(visible.shows(token(700, '0/40'), watermark(-60, 0))).toBe(true);
    expect(visible.shows(token(701, '0/40'), null)).toBe(false);
  });

  it('carries 64 bits of an xid, of which the transaction shows the low 32', () => {
    const visible = applied([commit(5, 0x50)]);
    expect(visible.shows(token(2n ** 32n + 5n, '0/50'), null)).toBe(true);
    expect(visible.shows(token(3n * 2n ** 32n + 5n, '0/50'), null)).toBe(true);
  });

  it('is not visible by an older transaction with the same low 32 bits, but by a newer one', () => {
    const visible = applied([commit(5, 0x50)]);
    expect(visible.shows(token(2n ** 32n + 5n, '0/51'), null)).toBe(false);
    visible.apply([commit(5, 0x60)], JSON.stringify(epoch));
    expect(visible.shows(token(2n ** 32n + 5n, '0/51'), null)).toBe(true);
    expect(visible.shows(token(5, '0/40'), null)).toBe(true);
  });

  it('is visible by a watermark that is past its LSN and past all that its command may still have taken', () => {
    const visible = applied([]);
    expect(visible.shows(token(700, '0/50'), watermark(30, 0x50))).toBe(false);
    expect(visible.shows(token(700, '0/50'), watermark(30.000001, 0x50))).toBe(true);
    expect(visible.shows(token(700, '0/50'), watermark(3600, 0x4f))).toBe(false);
    expect(visible.shows(token(700, '1/0'), watermark(3600, 0xffffffff))).toBe(false);
  });

  it('is remembered among as many as matter, and forgotten behind them', () => {
    const visible = applied([commit(1, 0x50), commit(2, 0x51)]);
    visible.apply(
      Array.from({ length: 499_999 }, (_, i) => commit(10 + i, 0x60 + i)),
      JSON.stringify(epoch),
    );
    expect(visible.shows(token(1, '0/50'), null)).toBe(false);
    expect(visible.shows(token(2, '0/51'), null)).toBe(true);
  });
});

describe('a token of another source', () => {
  it('is visible once the lake is past the time by which its command had ended', () => {
    const visible = applied([snapshot(0x20), commit(700, 0x50)], restored);
    expect(visible.shows(token(1, 'FF/0'), watermark(31, 0x50, restored))).toBe(true);
    expect(visible.shows(token(1, 'FF/0'), watermark(29, 0x50, restored))).toBe(false);
    expect(visible.shows(token(1, 'FF/0'), null)).toBe(false);
  });

  it('is not visible by a transaction that only has the same number', () => {
    const visible = applied([commit(700, 0xff)]);
    expect(visible.shows(token(700, '0/50', restored), null)).toBe(false);
    expect(visible.shows(token(700, '0/50', restored), watermark(29, 0xff))).toBe(false);
  });
});

describe('after the source was replaced', () => {
  it('a token of the new one is not visible by a transaction of the old one', () => {
    const visible = applied([commit(700, 0xffff)]);
    visible.apply([snapshot(0x20)], JSON.stringify(restored));
    expect(visible.shows(token(700, '0/30', restored), null)).toBe(false);
    visible.apply([commit(700, 0x31)], JSON.stringify(restored));
    expect(visible.shows(token(700, '0/30', restored), null)).toBe(true);
  });

  it('nor by one that came in the same batch as the snapshot, before it', () => {
    const visible = applied([commit(700, 0xffff), commit(701, 0xffff), snapshot(0x20), commit(701, 0x31)], restored);
    expect(visible.shows(token(700, '0/30', restored), null)).toBe(false);
    expect(visible.shows(token(701, '0/30', restored), null)).toBe(true);
  });

  it('a reader that starts long after the snapshot knows what came since', () => {
    const visible = applied([commit(700, 0x31)], restored);
    expect(visible.shows(token(700, '0/30', restored), null)).toBe(true);
  });
});

describe('after a resnapshot of the same source', () => {
  it('what was visible stays visible', () => {
    const visible = applied([commit(700, 0x50)]);
    visible.apply([snapshot(0x90), commit(710, 0x91)], JSON.stringify(resnapshotted));
    expect(visible.shows(token(700, '0/50'), null)).toBe(true);
    expect(visible.shows(token(710, '0/90'), null)).toBe(true);
  });
});

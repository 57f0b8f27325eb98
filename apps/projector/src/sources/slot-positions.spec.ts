import { describe, expect, it } from '@jest/globals';
import { SlotPositions } from './slot-positions.js';

const at = (lsn: number, acknowledged: number | null = lsn) =>
  new SlotPositions({ accepted: lsn, durable: lsn, acknowledged });

describe('what a slot is acknowledged', () => {
  it('is the end of the last durable commit, not of the last accepted', () => {
    const positions = at(100);
    positions.accept(200);
    positions.accept(300);
    positions.durable(200);
    expect([positions.accepted, positions.acknowledged]).toEqual([300, 200]);
  });

  it('is the kept progress where nothing is in flight', () => {
    const positions = at(100);
    positions.keep(150, 100);
    expect(positions.acknowledged).toBe(150);
  });

  it('is the kept progress no sooner than what came before it is durable', () => {
    const positions = at(100);
    positions.accept(200);
    positions.keep(250, 200);
    expect(positions.acknowledged).toBe(100);
    positions.durable(200);
    expect(positions.acknowledged).toBe(250);
  });

  it('never falls, though a later progress has to wait', () => {
    const positions = at(100);
    positions.keep(150, 100);
    positions.accept(200);
    positions.keep(250, 200);
    expect(positions.acknowledged).toBe(150);
  });

  it('does not pass a snapshot that is not durable', () => {
    const positions = new SlotPositions({ accepted: 100, durable: 0, acknowledged: 100 });
    positions.keep(150, 100);
    expect(positions.acknowledged).toBe(100);
    positions.durable(100);
    expect(positions.acknowledged).toBe(150);
  });

  it('is what the slot says where nothing else is known', () => {
    const positions = at(100, null);
    expect(positions.acknowledged).toBeNull();
    positions.confirmed(170);
    positions.durable(120);
    expect(positions.acknowledged).toBe(170);
    const known = at(100);
    known.confirmed(170);
    expect(known.acknowledged).toBe(100);
  });
});

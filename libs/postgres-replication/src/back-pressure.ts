import type { Pressure } from './chunk-queue.js';

/** What is paused: a socket. */
interface Pausable {
  pause(): unknown;
  resume(): unknown;
}

/**
 * Pauses a socket while more than `high` bytes wait for their taker, until fewer than half of that do. A socket hands over
 * up to 64 kB at once and a message of Postgres may be larger: that much can come on top.
 */
export class BackPressure implements Pressure {
  private waiting = 0;
  private paused = false;

  constructor(
    private readonly socket: Pausable,
    private readonly high: number,
  ) {}

  add(bytes: number): void {
    this.waiting += bytes;
    if (this.paused || this.waiting <= this.high) return;
    this.paused = true;
    this.socket.pause();
  }

  release(bytes: number): void {
    this.waiting -= bytes;
    if (!this.paused || this.waiting > this.high / 2) return;
    this.paused = false;
    this.socket.resume();
  }
}

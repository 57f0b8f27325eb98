import type { OperationAnswer } from './operation.js';

/** Milliseconds between lines where the last one cannot be written over. */
const lineEvery = 5_000;

/** Tells on the error stream how far an operation is: one line that changes on a terminal, one now and then elsewhere. */
export class ProgressLine {
  private shown = '';
  private last = performance.now();

  constructor(
    private readonly err: (text: string) => void,
    private readonly isTerminal: boolean,
  ) {}

  show({ done, total }: OperationAnswer): void {
    const text = total === null ? `${done} …` : `${done} of ${total} (${Math.floor((100 * done) / (total || 1))} %)`;
    if (this.isTerminal) this.err(`\r${text.padEnd(this.shown.length)}`);
    else if (performance.now() - this.last < lineEvery || text === this.shown) return;
    else this.err(`${text}\n`);
    this.shown = text;
    this.last = performance.now();
  }

  end(): void {
    if (this.isTerminal && this.shown) this.err(`\r${' '.repeat(this.shown.length)}\r`);
  }
}

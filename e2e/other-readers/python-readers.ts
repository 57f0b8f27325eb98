/** delta-rs, polars and DuckDB's delta extension in a Python of their own, which `install.sh` makes. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [cache, folder] = ['.cache/other-readers', 'e2e/other-readers'];
const python = `${cache}/bin/python`;

/** Why they cannot be asked; null where they can. `install.sh` puts its list there when all of it is installed. */
export const missing: string | null = existsSync(`${cache}/requirements.txt`)
  ? null
  : `${python} is not there. Make it by ${folder}/install.sh: it needs Python 3.10 or newer, and PyPI.`;

export interface Rows {
  readonly columns: readonly string[];
  /** Texts: of timestamps the microseconds since 1970, of everything else the usual form. */
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface Question {
  /** A table's folder. */
  readonly path: string;
  /** null: the newest. DuckDB's extension reads no other. */
  readonly version: number | null;
  /** Only rows whose column has at least this value: what files' statistics leave out is not read. */
  readonly from: readonly [column: string, least: number] | null;
}

export class PythonReaders {
  private readonly lines: AsyncIterator<string>;
  private errors = '';

  private constructor(private readonly process: ChildProcessWithoutNullStreams) {
    this.lines = createInterface(process.stdout)[Symbol.asyncIterator]();
    process.stderr.on('data', (text: Buffer) => (this.errors += text.toString()));
  }

  static start(): PythonReaders {
    return new PythonReaders(spawn(python, [`${folder}/read_tables.py`], { stdio: 'pipe' }));
  }

  /** By the reader's name. */
  async read(question: Question): Promise<Record<string, Rows>> {
    this.process.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`The readers ended: ${this.errors}`);
    return JSON.parse(value) as Record<string, Rows>;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.stdin.end();
    await ended;
  }
}

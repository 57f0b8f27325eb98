import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const sources = join(import.meta.dirname, '../src');

/** Sources import each other as `.js`, as TypeScript wants; Node runs the `.ts` beside. */
const prelude = `
import { registerHooks } from 'node:module';
registerHooks({ resolve: (name, context, next) =>
  next(/^\\.\\.?\\//.test(name) ? name.replace(/\\.js$/, '.ts') : name, context) });
const source = (name) => import(${JSON.stringify(sources)} + '/' + name + '.ts');
const [folder, ...rest] = process.argv.slice(1);
`;

/** A process of its own that runs `code`, with `source(name)` to import a file of this library and `folder` as argument. */
export function runChild(code: string, ...args: string[]): ChildProcess {
  const options = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning', '--input-type=module'];
  return spawn(process.execPath, [...options, '-e', prelude + code, '--', ...args], {
    cwd: import.meta.dirname, // where the packages are found
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** All that the child said until its end. */
export async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'close');
  return output;
}

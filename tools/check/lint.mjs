import { nodeJson } from './processes.mjs';

export async function lint() {
  const { diagnostics } = await nodeJson('node_modules/oxlint/bin/oxlint', '--format', 'json');
  return diagnostics.map(({ code, message, help, filename, labels }) => ({
    rule: code?.replace(/^.*\((.*)\)$/, '$1') ?? 'syntax',
    file: filename,
    line: labels[0]?.span.line,
    message,
    remedy: help,
  }));
}

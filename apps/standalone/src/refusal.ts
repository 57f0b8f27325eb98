/** Why the product did not start, in a sentence that says what to do: no stack, no path of the program. */
export function refusal(error: unknown, dataDir: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || /No space left on device/.test(message))
    return `The disk of ${dataDir} is full. Free some space, or set DATA_DIR to a folder on another disk.`;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return `${dataDir} cannot be written to (${code}). Give this user the right to, or set DATA_DIR to another folder.`;
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return `${dataDir} is no folder. Move that file away, or set DATA_DIR to another folder.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `HOST is no address of this machine (${code}). Set it to one, or leave it out: the default is 127.0.0.1.`;
  if (code === 'port-taken') return `${message} (POSTGRES_PORT; 0 takes any free one.)`;
  return message;
}

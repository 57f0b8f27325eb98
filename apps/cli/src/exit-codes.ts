/** What a script can tell apart. */
export const exitCodes = {
  fine: 0,
  /** The projector refused, the work failed, or `verify` found differences. */
  failed: 1,
  /** The command line is wrong, or names a table that the catalog does not have. */
  usage: 2,
  /** Nothing answers at the projector's address, or what answers is no projector. */
  unreachable: 3,
  /** Ctrl-C ended the waiting, and nothing else: 128 and the signal's number, as shells have it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

import type { Operation } from './operation.js';
import type { VerificationReport } from '../verification/verification.js';

/** Makes verifications; a provider by its class. */
export class Verifier {
  constructor(
    /** Source tables that can be verified. */
    readonly tables: readonly string[],
    /** Of one table, or of all. */
    readonly operationOf: (table: string | null) => Operation<VerificationReport>,
  ) {}
}

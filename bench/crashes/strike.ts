/** One start of a projector that is to end in a step of its work. */
import type { FailpointName } from '#libs/failpoints';

/** What a slim projector does when it is told to. */
export type Provocation = 'rebuild' | 'resnapshot' | 'verify';

/** What a process is started with, and what is done to bring the step about. */
export interface Strike {
  /** As FAILPOINTS has it. */
  readonly failpoints: string;
  readonly provoke?: Provocation;
  /** The source's slot is dropped before. */
  readonly losesSlot?: true;
  /** The projector is of the world's other catalog than the one before, and so are those after it. */
  readonly changesCatalog?: true;
  /** Seconds after which a step that was not come by is given up. */
  readonly patience: number;
}

/** A line of FAILPOINTS_LOG: a step was in flight. */
export interface Struck {
  readonly name: FailpointName;
  readonly table?: string;
  readonly action: string;
  readonly pid: number;
  /** It was started with a catalog that the lake's tables were not made by. */
  readonly changesCatalog: boolean;
}

export interface Outcome {
  /** The steps that were in flight; a projector that came by none was killed anywhere. */
  readonly struck: readonly Struck[];
  /** It ended without being killed. */
  readonly byItself: boolean;
  readonly said: string;
  readonly verified: readonly Verified[];
}

/** What a verification came to. */
export interface Verified {
  readonly equal: boolean;
  /** What it found, or why it found nothing, which says no word about the lake. */
  readonly told: string;
  readonly failed?: string;
}

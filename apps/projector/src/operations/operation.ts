/** Tells how far the work is; `total` null: nobody knows yet how much it is. */
export type TellProgress = (done: number, total: number | null) => void;

/**
 * Long work that somebody asked the projector for. One of a kind and table runs at a time.
 *
 * `run` resolves with its report: an object as the answer shows it, or null. It rejects when it failed, and then has left
 * everything as it was. When the signal aborts, because somebody cancels it or the projector stops, it ends soon, and
 * rejects; what it had committed by then is whole. It is not tried again: who asked for it sees how it ended, and asks again.
 */
export interface Operation<Report extends object | null = object | null> {
  run(progress: TellProgress, signal: AbortSignal): Promise<Report>;
}

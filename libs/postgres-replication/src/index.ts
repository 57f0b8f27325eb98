export { BackPressure } from './back-pressure.js';
export { ChunkQueue, type ChunkLimits, type Pressure } from './chunk-queue.js';
export { type CopiedRow } from './copied-row.js';
export { copyOut, copyOutCsv } from './copy-out.js';
export { ConnectionLost, isInterruption } from './interruption.js';
export { PgoutputDecoder, type Message, type OldRow } from './pgoutput.js';
export {
  checkPrerequisites,
  publishedTables,
  SourceNotReady,
  type CapturedTable,
  type Problem,
} from './prerequisites.js';
export { recordEnd } from './record-end.js';
export { type Relation } from './relation.js';
export { ReplicationStream, type StreamHandler, type StreamPosition } from './replication-stream.js';
export { identifyServer, type ServerIdentity } from './server.js';
export { connect, disconnect, quoteIdentifier, type SessionOptions } from './session.js';
export {
  createSlot,
  createTemporarySlot,
  dropSlot,
  lockSlot,
  readSlot,
  SlotInUse,
  untilReleased,
  type CreatedSlot,
  type Slot,
  type Wait,
} from './slot.js';
export { Tuple } from './tuple.js';

import { UnreadableRecord, type TopicRecord } from '#libs/debezium';
import { SourceChanged } from '../change-source.js';

/**
 * What `read` makes of the record, or why nothing can be made of it, with the place where it stands.
 * @throws UnreadableRecord, SourceChanged
 */
export function readRecord<T>(topic: string, record: TopicRecord, read: (record: TopicRecord) => T): T {
  try {
    return read(record);
  } catch (error) {
    if (error instanceof SourceChanged) throw error;
    const reason = error instanceof UnreadableRecord ? error.reason : (error as Error).message.replace(/\.$/, '');
    throw new UnreadableRecord(record.offset, reason, record.value, { topic, cause: error });
  }
}

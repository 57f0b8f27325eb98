export { kafkaJars, KafkaUnavailable } from './jars.js';
export { JavaDidNotStart, type JavaProcess } from './java-process.js';
export { endNoted, readNote, writeNote, type ProcessNote } from './process-note.js';
export { startBroker, type Broker, type BrokerOptions, type KafkaFiles } from './start-broker.js';
export { startConnect, type ConnectOptions, type ConnectWorker } from './start-connect.js';

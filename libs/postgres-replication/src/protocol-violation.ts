/** The server said something that this reader does not understand. */
export class ProtocolViolation extends Error {
  readonly code = 'protocol-violation';
  constructor(detail: string) {
    super(`${detail} The stream cannot be read on without losing something.`);
    this.name = 'ProtocolViolation';
  }
}

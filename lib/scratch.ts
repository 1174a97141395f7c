/** Memory that is used again and again. A new array each time would cost several times the work that fills it. */
export class Scratch {
  private memory = new ArrayBuffer(0);

  /** At least `byteLength` bytes; whoever had them before must be done. */
  take(byteLength: number): ArrayBuffer {
    if (this.memory.byteLength < byteLength) this.memory = new ArrayBuffer(byteLength);
    return this.memory;
  }
}

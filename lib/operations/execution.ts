/**
 * How a call runs: how many threads may work on it (left out or 0, its size decides), and one int32 that stops an asynchronous call
 * soon after it is set to anything but 0.
 */
export type Execution = [threads?: number, cancel?: Int32Array];

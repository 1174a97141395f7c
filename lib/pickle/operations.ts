import type { Argument, ArgumentKind } from "./argument.js";
import type { Imports, Stack } from "./stack.js";
import { Dict, Import, Instance, OTHER, type Value } from "./value.js";

/** What an operation works on. */
export interface Machine {
  readonly stack: Stack;
  readonly imports: Imports;
  /** Highest that was announced. */
  protocol: number;
  /** Called after an object got its state. */
  built(object: Instance, state: Value): void;
}

/** How the argument of an operation is written, and what the operation does. */
export type Operation = readonly [ArgumentKind, (machine: Machine, argument: Argument) => void];

const MAX_PROTOCOL = 5;

const nothing = () => undefined;
const pushOther = ({ stack }: Machine) => stack.push(OTHER);
const pushNumber = ({ stack }: Machine, argument: Argument) => stack.push(argument.number);
const pushText = ({ stack }: Machine, argument: Argument) => stack.push(argument.text());
const pushDict = ({ stack }: Machine) => stack.push(new Dict());
const popToMark = ({ stack }: Machine) => void stack.popToMark();
const remember = ({ stack }: Machine, argument: Argument) => stack.remember(argument.number);
const recall = ({ stack }: Machine, argument: Argument) => stack.recall(argument.number);
const tupleOf =
  (count: number) =>
  ({ stack }: Machine) =>
    stack.pushTupleOf(count);
/** Classes and functions that a program has given numbers. */
const extension = ({ stack, imports }: Machine, argument: Argument) =>
  stack.push(imports.get("copyreg extension", String(argument.number)));

/**
 * Every operation of pickle protocols 0 to 5 by its byte, but for the one that ends a pickle. None of them does what
 * loading would do; they only follow which values an import is called with.
 * Source: https://docs.python.org/3/library/pickletools.html
 */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  // MARK, POP, POP_MARK, DUP
  "(": ["none", ({ stack }) => stack.mark()],
  "0": ["none", ({ stack }) => stack.drop()],
  "1": ["none", popToMark],
  "2": ["none", ({ stack }) => stack.push(stack.top())],
  // FLOAT, BINFLOAT
  F: ["line", pushOther],
  G: ["8 bytes", pushOther],
  // INT, LONG, BININT, BININT1, BININT2, LONG1, LONG4
  I: ["line", ({ stack }, argument) => stack.push(argument.integerLine())],
  L: ["line", ({ stack }, argument) => stack.push(argument.integerLine())],
  J: ["int32", pushNumber],
  K: ["uint8", pushNumber],
  M: ["uint16", pushNumber],
  "\x8a": ["bytes of uint8", ({ stack }, argument) => stack.push(argument.longInteger())],
  "\x8b": ["bytes of uint32", pushOther],
  // NONE, NEWTRUE, NEWFALSE
  N: ["none", ({ stack }) => stack.push(null)],
  "\x88": ["none", ({ stack }) => stack.push(true)],
  "\x89": ["none", ({ stack }) => stack.push(false)],
  // PERSID, BINPERSID
  P: ["line", pushOther],
  Q: [
    "none",
    ({ stack }) => {
      stack.pop();
      stack.push(OTHER);
    },
  ],
  // STRING, BINSTRING, SHORT_BINSTRING, UNICODE, BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
  S: ["line", ({ stack }, argument) => stack.push(argument.quoted())],
  T: ["bytes of uint32", pushText],
  U: ["bytes of uint8", pushText],
  V: ["line", ({ stack }, argument) => stack.push(argument.escaped())],
  X: ["bytes of uint32", pushText],
  "\x8c": ["bytes of uint8", pushText],
  "\x8d": ["bytes of uint64", pushText],
  // BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8, NEXT_BUFFER, READONLY_BUFFER
  B: ["bytes of uint32", pushOther],
  C: ["bytes of uint8", pushOther],
  "\x8e": ["bytes of uint64", pushOther],
  "\x96": ["bytes of uint64", pushOther],
  "\x97": ["none", pushOther],
  "\x98": ["none", nothing],
  // EMPTY_LIST, LIST, APPEND, APPENDS
  "]": ["none", pushOther],
  l: [
    "none",
    ({ stack }) => {
      stack.popToMark();
      stack.push(OTHER);
    },
  ],
  a: ["none", ({ stack }) => void stack.pop()],
  e: ["none", popToMark],
  // EMPTY_SET, ADDITEMS, FROZENSET
  "\x8f": ["none", pushOther],
  "\x90": ["none", popToMark],
  "\x91": [
    "none",
    ({ stack }) => {
      stack.popToMark();
      stack.push(OTHER);
    },
  ],
  // EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3
  ")": ["none", ({ stack }) => stack.pushTuple([])],
  t: ["none", ({ stack }) => stack.pushTuple(stack.popToMark())],
  "\x85": ["none", tupleOf(1)],
  "\x86": ["none", tupleOf(2)],
  "\x87": ["none", tupleOf(3)],
  // EMPTY_DICT, DICT, SETITEM, SETITEMS
  "}": ["none", pushDict],
  d: [
    "none",
    ({ stack }) => {
      const dict = new Dict();
      stack.setItems(dict, stack.popToMark());
      stack.push(dict);
    },
  ],
  s: [
    "none",
    ({ stack }) => {
      const value = stack.pop();
      const key = stack.pop();
      stack.setItems(stack.top(), [key, value]);
    },
  ],
  u: [
    "none",
    ({ stack }) => {
      const items = stack.popToMark();
      stack.setItems(stack.top(), items);
    },
  ],
  // PUT, BINPUT, LONG_BINPUT, MEMOIZE, GET, BINGET, LONG_BINGET
  p: ["line", ({ stack }, argument) => stack.remember(argument.indexLine())],
  q: ["uint8", remember],
  r: ["uint32", remember],
  "\x94": ["none", ({ stack }) => stack.rememberNext()],
  g: ["line", ({ stack }, argument) => stack.recall(argument.indexLine())],
  h: ["uint8", recall],
  j: ["uint32", recall],
  // GLOBAL, STACK_GLOBAL, EXT1, EXT2, EXT4
  c: ["two lines", ({ stack, imports }, { module, name }) => stack.push(imports.get(module, name))],
  "\x93": [
    "none",
    ({ stack, imports }) => {
      const name = stack.pop();
      const module = stack.pop();
      const text = (value: unknown) => (typeof value === "string" ? value : "?");
      stack.push(imports.get(text(module), text(name)));
    },
  ],
  "\x82": ["uint8", extension],
  "\x83": ["uint16", extension],
  "\x84": ["int32", extension],
  // REDUCE, NEWOBJ, NEWOBJ_EX, INST, OBJ, BUILD
  R: ["none", callTop],
  "\x81": ["none", callTop],
  "\x92": [
    "none",
    ({ stack }) => {
      stack.pop();
      const args = stack.pop();
      stack.call(stack.pop(), args);
    },
  ],
  i: [
    "two lines",
    ({ stack, imports }, { module, name }) => {
      stack.popToMark();
      stack.call(imports.get(module, name), OTHER);
    },
  ],
  o: [
    "none",
    ({ stack }) => {
      const [callee] = stack.popToMark();
      if (callee === undefined) throw new RangeError("an object of no class is made");
      stack.call(callee, OTHER);
    },
  ],
  b: [
    "none",
    (machine) => {
      const state = machine.stack.pop();
      const object = machine.stack.top();
      if (object instanceof Import) object.calls++;
      if (!(object instanceof Instance)) return;
      object.state = state;
      machine.built(object, state);
    },
  ],
  // PROTO, FRAME
  "\x80": [
    "uint8",
    (machine, { number }) => {
      if (number > MAX_PROTOCOL)
        throw new RangeError(`protocol ${number} is not known; ${MAX_PROTOCOL} is the last`);
      machine.protocol = Math.max(machine.protocol, number);
    },
  ],
  "\x95": ["8 bytes", nothing],
};

function callTop({ stack }: Machine): void {
  const args = stack.pop();
  stack.call(stack.pop(), args);
}

/** The same as a table by byte, which a walk looks into a million times. */
export const OPERATION_OF: readonly (Operation | undefined)[] = Array.from(
  { length: 256 },
  (_, byte) => OPERATIONS[String.fromCharCode(byte)],
);

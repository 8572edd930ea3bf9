// Without an import: a bundler puts the numbers where they are used.
/** The kinds of messages, by their numbers on the wire (PROTOCOL §1). */
export const HELLO = 1;
export const WELCOME = 2;
export const CALL = 3;
export const RESULT = 4;
export const ITEM = 5;
export const END = 6;
export const ERROR = 7;
export const CANCEL = 8;
export const CREDIT = 9;
export const EVENT = 10;
export const REFRESH = 11;
export const PING = 12;
export const PONG = 13;
export const GOAWAY = 14;
export const TOPIC = 15;
export const RESUME = 16;
export const STREAM = 17;

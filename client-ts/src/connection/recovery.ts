import { GAP, type RecoveryPart } from "../ports.js";
import { EVENT, type Message } from "../wire/messages.js";

/**
 * Where the topics stand (PROTOCOL §4): told in every hello, so that whoever comes back misses nothing, and held against
 * every event, so that a hole is seen at once.
 */
export const recovery: RecoveryPart = (deliver, lost) => {
  const positions: Record<string, unknown> = {};

  function event([, name, value, topic, previous, position]: Message): void {
    if (topic) {
      if (positions[topic as string] !== previous) {
        lost();
        return;
      }
      positions[topic as string] = position;
    }
    deliver(name as string, value);
  }

  function stands([, name, position, recovered]: Message): void {
    const topic = name as string;
    if (position) positions[topic] = position;
    else delete positions[topic];
    if (recovered === false) deliver(GAP, { topic });
  }

  const take = (message: Message): void => (message[0] === EVENT ? event : stands)(message);
  return Object.assign(take, { positions });
};

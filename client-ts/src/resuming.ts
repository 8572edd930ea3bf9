import { type Link, writeTo } from "./connection/link.js";
import type { Call, ResumePart, Tail } from "./ports.js";
import { openStream, type Stream, type StreamReader } from "./stream.js";
import { writeNamed, written } from "./wire/codec.js";
import { CANCEL, elementsOf, RESUME } from "./wire/messages.js";

/** What a resumable stream has besides. */
interface Named {
  /** What `resume` takes, on this page or a later one. Undefined until the server has told it. */
  readonly id: string | undefined;
}

/** A stream that goes on over lost connections, and after the page was loaded again: `client.chat.resume(id)`. */
export interface ResumableStream<T, Code extends string = never> extends Stream<T, Code>, Named {
  readonly then: PromiseLike<StreamReader<T, Code> & Named>["then"];
}

/** The method of a procedure whose stream can be resumed. */
export type Resumable<Method extends (...args: never) => unknown> = Method & {
  /**
   * Goes on with a stream that this page, or one before it, has begun: from its first item that is still kept. The server
   * answers `STREAM_UNKNOWN` when it is another procedure's or somebody else's, or was left for too long.
   */
  resume(id: string): ReturnType<Method>;
};

/** PROTOCOL §4, resuming: an open stream whose connection is lost is asked for again, behind the last item that came. */
export const resuming: ResumePart = (start, procedure, id) => {
  let position: unknown;

  /** What a resume message has behind its own id. */
  function tail(): Tail {
    const bytes = written(() => {
      writeNamed(id, "");
      writeNamed(position ?? null, "");
      writeNamed(procedure, "");
    });
    return { kind: RESUME, bytes, elements: 3 };
  }

  function named<T extends object>(stream: T): T {
    return Object.defineProperty(stream, "id", { enumerable: true, get: () => id });
  }

  const inner = openStream((sink) => {
    const call: Call = start(sink, id === undefined ? undefined : tail());
    const { item, fail, cancel } = call;
    let owner: Link["owner"] | undefined;
    const again = (): void => {
      call.tail = tail();
      call.link = call.frame = undefined;
      // Its reader has left, and the server has not heard of that.
      if (call.settled) call.begin = () => writeTo(call.link as Link, elementsOf(CANCEL, call.id));
      owner?.again(call);
    };
    call.named = (name) => {
      id = name as string;
    };
    call.item = (value, bytes, at) => {
      position = at;
      item(value, bytes);
    };
    call.fail = (error, atOnce) => {
      const { link } = call;
      const lost = (error as { code?: unknown })?.code === "CONNECTION_LOST";
      // One that waits for a connection has no link: then there will be none.
      if (atOnce || !lost || !link || id === undefined) return fail(error, atOnce);
      owner = (link as Link).owner;
      again();
    };
    call.cancel = (error) => {
      const waits = owner && !call.link && !call.settled;
      cancel(error);
      if (waits) again();
    };
    return call;
  });
  return Object.assign(named({ ...inner }), {
    // biome-ignore lint/suspicious/noThenProperty: as of every stream (stream.ts)
    then: (resolved: (reader: unknown) => unknown, rejected: (error: unknown) => unknown) =>
      inner.then(named).then(resolved, rejected),
  });
};

import { RpcError } from "@fusewire/client";

/** A sentence for the person at the page. */
export function explain(error: unknown): string {
  if (!(error instanceof RpcError)) return error instanceof Error ? error.message : String(error);
  switch (error.code) {
    case "CONNECTION_LOST":
      return error.maybeExecuted
        ? "The connection was lost before the answer was complete."
        : "The server cannot be reached at the moment.";
    case "DEADLINE_EXCEEDED":
      return "The server did not answer in time.";
    case "RATE_LIMITED":
      return `That was too often. Try again in ${wait(error.data)}.`;
    case "UNAUTHENTICATED":
      return "Please log in first.";
    case "INVALID_ARGUMENT":
      return firstProblem(error.detail) ?? error.message;
    case "INTERNAL":
      return `Something went wrong on the server${error.id ? ` (${error.id})` : ""}.`;
    default:
      return error.message;
  }
}

/** A plain REST answer that is not ok, as the error that the client would have thrown. */
export async function asRpcError(response: Response): Promise<RpcError> {
  const body: unknown = await response.json().catch(() => undefined);
  if (typeof body !== "object" || body === null || !("code" in body)) {
    return new RpcError("UNAVAILABLE", {
      status: response.status,
      detail: `The server answered ${response.status}.`,
    });
  }
  return new RpcError(String(body.code), { status: response.status, ...body });
}

/** FastAPI's list of problems: the first one, with the name of the field. */
function firstProblem(detail: unknown): string | undefined {
  const first: unknown = Array.isArray(detail) ? detail[0] : undefined;
  if (typeof first !== "object" || first === null || !("msg" in first)) return undefined;
  const field = "loc" in first && Array.isArray(first.loc) ? String(first.loc.at(-1)) : "";
  return field ? `${field}: ${String(first.msg)}` : String(first.msg);
}

function wait(data: unknown): string {
  const given =
    typeof data === "object" && data !== null && "retry_after" in data ? Number(data.retry_after) : 60;
  return given > 90 ? `${Math.ceil(given / 60)} minutes` : `${Math.ceil(given)} seconds`;
}

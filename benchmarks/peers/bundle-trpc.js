/** The same for tRPC over WebSocket. */
export { createTRPCClient, createWSClient, TRPCClientError, wsLink } from "@trpc/client";

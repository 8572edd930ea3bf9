// stand-in until the generator runs
import { createClient, matchesError, type ConnectOptions, type FuseClient, type RpcError, type Stream } from "@fusewire/client";
export interface UserPublic { id: string; username: string; email: string; title: string }
export interface TeamResponse { team_name: string; members: UserPublic[] }
export interface ChatActivity { writing: number; finished: number; stopped: number }
export interface JobStatus { job_id: string; state: "running" | "done"; progress: number }
export interface JobStarted { job_id: string; started: boolean }
export interface Me { user_id: string | null; is_rpc: boolean; is_http: boolean }
export interface SessionStarted { user_id: string; is_new: boolean }
export interface Events { JobStatus: JobStatus }
export interface Procedures {
  get_team(): Promise<TeamResponse>;
  chat(prompt: string): Stream<string>;
  chat_activity(): Promise<ChatActivity>;
  start_job(job_id: string, options?: { dry_run?: boolean }): Promise<JobStarted>;
  whoami(): Promise<Me>;
  start_session(): Promise<SessionStarted>;
}
export type Client = FuseClient<Procedures, Events>;
const descriptor = {
  calls: "0", ws: "/_ws", api: "/api",
  procedures: {
    get_team: { args: [], http: "GET /team" }, chat: { args: ["prompt"], http: "POST /chat", stream: true },
    chat_activity: { args: [], http: "GET /chat/activity" }, start_job: { args: ["job_id"], http: "POST /jobs/start_job" },
    whoami: { args: [], http: "GET /whoami" }, start_session: { args: [], http: "POST /session", via: "http" },
  },
} as const;
export function connect(options: ConnectOptions = {}): Client {
  return createClient<Procedures, Events>(descriptor, options);
}

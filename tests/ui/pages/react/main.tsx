import { useEvents, useStatus } from "@fusewire/client/react";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { client } from "../client";
import { Counter, Log } from "./streams";
import { Team } from "./team";

const queries = new QueryClient();

function App() {
  const status = useStatus(client);
  const ticks = useEvents(client, "Tick", { limit: 4 });
  const [counting, setCounting] = useState(true);
  const [log, setLog] = useState("");
  return (
    <>
      <p data-status={status.state} data-attempt={status.attempt}>
        {status.code}
      </p>
      <button type="button" data-do="tick" onClick={() => client.ticks(6)}>
        Tick
      </button>
      <ul data-ticks data-latest={ticks.latest?.n}>
        {ticks.items.map((tick) => (
          <li key={tick.n}>{tick.n}</li>
        ))}
      </ul>
      <button type="button" data-do="counter" onClick={() => setCounting(!counting)}>
        Counter
      </button>
      {counting && <Counter />}
      {["a", "b", ""].map((name) => (
        <button type="button" key={name} data-do={`log-${name || "none"}`} onClick={() => setLog(name)}>
          {name || "None"}
        </button>
      ))}
      {log && <Log name={log} />}
      <Team />
    </>
  );
}

createRoot(document.getElementById("app") as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);

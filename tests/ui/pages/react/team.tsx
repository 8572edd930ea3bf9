import { mutationOptions, queryKey, queryOptions } from "@fusewire/client/query";
import { useEvent } from "@fusewire/client/react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../client";

export function Team() {
  const queries = useQueryClient();
  const [waiting, setWaiting] = useState(false);
  const team = useQuery(queryOptions(client.team, [1]));
  const rename = useMutation({
    ...mutationOptions(client.teams.rename),
    onSuccess: () => queries.invalidateQueries({ queryKey: queryKey(client.team) }),
  });
  // Cancelled in Python when it is not wanted any more.
  const wait = useQuery({ ...queryOptions(client.wait, ["react query"]), enabled: waiting });

  useEvent(client, "TeamChanged", ({ id }) => {
    queries.invalidateQueries({ queryKey: queryKey(client.team, [id]) });
  });

  return (
    <>
      <p data-team={team.status}>
        {team.data?.name} {team.data?.founded.toISOString()} {team.data?.badge.join("-")}
      </p>
      <button type="button" data-do="rename" onClick={() => rename.mutate([1, "Green of react"])}>
        Rename
      </button>
      <button type="button" data-do="wait" onClick={() => setWaiting(true)}>
        Wait
      </button>
      <button
        type="button"
        data-do="cancel"
        onClick={() => queries.cancelQueries({ queryKey: queryKey(client.wait) })}
      >
        Cancel
      </button>
      <p data-wait={wait.fetchStatus}>{wait.fetchStatus}</p>
    </>
  );
}

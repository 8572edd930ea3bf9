"""Where a client stands in each topic of its events (PROTOCOL §4)."""

from __future__ import annotations

from fusewire.wire import messages as m


class Positions:
    """By topic. One per session: connections come and go."""

    def __init__(self) -> None:
        self._by_topic: dict[str, str] = {}

    def told(self) -> dict[str, str] | None:
        """What hello says of them."""
        return dict(self._by_topic) or None

    def advance(self, event: m.Event) -> bool:
        """Take an event. False: there is a hole before it, and it counts for nothing."""
        if event.topic is None or event.position is None:
            return True
        if self._by_topic.get(event.topic) != event.previous:
            return False
        self._by_topic[event.topic] = event.position
        return True

    def go_on(self, topic: m.Topic) -> bool:
        """Take where a topic goes on from. False: what was missed cannot be had any more."""
        if topic.position is None:
            self._by_topic.pop(topic.topic, None)
        elif topic.recovered is not True:
            self._by_topic[topic.topic] = topic.position
        return topic.recovered is not False

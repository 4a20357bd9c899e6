"""How patient an uplink is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UplinkTiming:
    """All times in seconds.

    Attributes:
        resend_after_s: A reading without an ack is sent again after so long.
        retained_ack_s: So long after subscribing a retained ack is awaited before anything is sent.
        first_pause_s: Pause before the second attempt to connect; it doubles.
        longest_pause_s: The longest such pause.
        answer_within_s: So long the broker has to answer a packet.
        keep_alive_s: MQTT keep-alive, by which a half-open connection is noticed.
        status_every_s: Pause between two reports on the status topic.
        farewell_s: So long a stopped agent tries to tell that it goes.
    """

    resend_after_s: float = 30.0
    retained_ack_s: float = 0.5
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    answer_within_s: float = 10.0
    keep_alive_s: int = 20
    status_every_s: float = 300.0
    farewell_s: float = 0.5

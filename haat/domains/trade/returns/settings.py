"""How long everybody has to answer."""

from haat.kernel.settings import Settings


class ReturnsSettings(Settings):
    """HAAT_RETURN_ANSWER_DAYS and so on; each counts from the state it is about."""

    return_answer_days: int = 3  # the vendor answers a request; then staff do
    return_send_days: int = 21  # the customer sends back what may go back; then it is withdrawn
    return_receive_days: int = 14  # the vendor says that it is here; then staff look
    return_escalate_days: int = 14  # the customer asks staff about a refusal; then it is final

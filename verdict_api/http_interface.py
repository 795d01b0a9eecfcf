"""Names and limits of the HTTP interface that both sides must agree on."""

API_VERSIONS = ("v1",)
VERDICTS_PATH = "/v1/verdicts"
PARTS_QUERY = "parts"  # ``?parts=1``: with the part tree in the verdict
LIVENESS_PATH = "/livez"

ENVELOPE_HEADER = "Couriergate-Envelope"
DEADLINE_HEADER = "Couriergate-Deadline-Ms"
IDEMPOTENCY_HEADER = "Idempotency-Key"

ENVELOPE_HEADER_LIMIT_BYTES = 8192  # of the encoded value: it must fit a proxy's header buffer
VERDICT_LIMIT_BYTES = 8 * 2**20  # some 25,000 recipients; a longer answer is not one of ours

MESSAGE_TYPE = "message/rfc822"
MULTIPART_TYPE = "multipart/form-data"
PATH_TYPE = "application/json"  # a message that both sides can read under the same path
PROBLEM_TYPE = "application/problem+json"

EXPLAIN_PATH = "/v1/policy/explain"
REPLAY_PATH = "/v1/policy/replay"
TOML_TYPE = "application/toml"  # a draft of a policy
LINES_TYPE = "application/x-ndjson"  # a JSON object in each line, while it goes on
DRAFT_LIMIT_BYTES = 2**20

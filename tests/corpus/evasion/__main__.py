"""`python -m tests.corpus.evasion`: print all evasions as one JSON object, by name, in base64."""

import base64
import json

from tests.corpus.evasion.archives import CASES
from tests.corpus.evasion.mime import EVASIONS

print(json.dumps({case.name: base64.b64encode(case.build()).decode("ascii") for case in (*CASES, *EVASIONS)}))

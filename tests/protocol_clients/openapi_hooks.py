"""What the API's document cannot say, so that a request that fits it may be refused. Schemathesis loads this.

JSON Schema has no lists of equal length, OpenAPI 3.0 no rows whose values have types by their positions, and neither
says what a table in CSV, Parquet or Arrow has to be; what the inputs of Open Inference Protocol V2 are called, and what
shapes they have, its public description leaves to the models.
"""

from typing import Any

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

PROTOCOLS = ("/invocations", "/infer")
JSON = "application/json"
OURS = {"unequal_lengths", "not_computable"}


@schemathesis.hook
def filter_failure(context: Any, failure: Exception, case: Any, response: Any) -> bool:
    """Whether it is a failure: a refusal of such a request is none."""
    if not isinstance(failure, RejectedPositiveData) or response.status_code not in (400, 422):
        return True
    if case.operation.path.endswith(PROTOCOLS) or case.media_type != JSON:
        return False
    return response.json()["error"]["code"] not in OURS

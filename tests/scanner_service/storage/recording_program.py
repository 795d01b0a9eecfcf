"""A program that records judged messages; it says what could not be written, and how many records were lost.

``python -m tests.scanner_service.storage.recording_program URL NAME COUNT``
"""

import asyncio
import json
import sys
import time

from scanner_service.storage.verdict_records import VerdictRecord, sql_verdict_records


async def record_all(url: str, name: str, count: int) -> None:
    records = sql_verdict_records(url, 30)
    async with records.running():
        for number in range(count):
            facts = json.dumps({"number": number, "padding": "x" * 2000})
            records.add(VerdictRecord(f"{name}{number:011d}", time.time(), "0012.4F", "pass", facts))
            if number % 100 == 0:
                await asyncio.sleep(0.01)
    print(json.dumps({"lost": records.lost, "problem": records.problem}))


if __name__ == "__main__":
    asyncio.run(record_all(sys.argv[1], sys.argv[2], int(sys.argv[3])))

"""A program that keeps messages one after another, and says of each when it was answered.

``python -m tests.scanner_service.storage.keeping_program DIRECTORY BYTES COUNT [LARGEST_FILE_BYTES]``: it writes
``kept ID`` or ``not kept WHY`` for each. The messages are bytes of chance, which no compression makes smaller.
"""

import asyncio
import os
import resource
import sys
from pathlib import Path

from scanner_service.model.mail_id import new_mail_id
from scanner_service.storage.message_files import MessageFiles, MessageNotKeptError


async def keep_all(directory: Path, size: int, count: int) -> None:
    files = MessageFiles(directory)
    for _ in range(count):
        mail_id = new_mail_id()
        try:
            await files.keep(mail_id, os.urandom(size), {"from": "a@example.net"})
            print(f"kept {mail_id}", flush=True)
        except MessageNotKeptError as error:
            print(f"not kept {error}", flush=True)
    files.close()


if __name__ == "__main__":
    if len(sys.argv) > 4:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
    print("started", flush=True)
    asyncio.run(keep_all(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))

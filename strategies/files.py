"""File parts, with a file that is small and whole."""

from __future__ import annotations

import base64
from typing import Any

Part = dict[str, Any]


def _pdf(text: str) -> bytes:
    """A PDF of one page with a line of text: five objects, the table of their places, and the trailer."""
    page = f"BT /F1 24 Tf 40 100 Td ({text}) Tj ET".encode()
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    written = b"%PDF-1.4\n"
    places: list[int] = []
    for number, value in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, value)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return written + (
        b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(written))
    )


PDF = "data:application/pdf;base64," + base64.b64encode(_pdf("Say hi.")).decode()
"""Data URL of a small PDF, the one kind of file that the original service is known to take."""

FILE = {"filename": "hi.pdf", "file_data": PDF}
"""The usual ``file``."""


def file_part(file: Any = FILE, **more: Any) -> Part:
    """A file part; ``more`` adds members."""
    return {"type": "file", "file": file, **more}

"""``chatproof verify``: whether a certificate and a run record belong together."""

from __future__ import annotations

import sys

import click

from ._records import Unreadable


@click.command()
@click.argument("certificate", type=click.Path())
@click.argument("record", type=click.Path())
def verify(certificate: str, record: str) -> None:
    """Compute CERTIFICATE again from RECORD (a run.jsonl or the folder that holds one) and name what differs.

    Exits with 0 where all agrees, 1 where something differs, 2 where a file cannot be read.

    Example: chatproof verify certificate.json run.jsonl
    """
    from ...reports import certificate as certificates
    from ...reports.reading import RecordError, read

    try:
        differences = certificates.verify(certificate, record)
    except (certificates.CertificateError, RecordError) as error:
        raise Unreadable(str(error)) from None
    for difference in differences:
        click.echo(_plain(difference))
    if differences:
        sys.exit(1)
    click.echo(f"the certificate agrees with the record: {certificates.verdict(read(record))}")


def _plain(text: str) -> str:
    """Text that cannot steer a terminal: what is not printable is shown escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)

"""Photographs and results at URLs (s3://, gs://, az://, sftp://, ...), read and written by fsspec."""

from toolkit.remote.addresses import is_url, without_password
from toolkit.remote.mirror import Remote

__all__ = ["Remote", "is_url", "without_password"]

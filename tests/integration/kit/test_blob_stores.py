from pathlib import Path

import pytest

from regista.kit.blobs.store import check_store
from regista.kit.errors import ConfigurationError, UnavailableError
from tests.support.receiver import Answering, Receiver, Request, response

LISTED = b'<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'
NO_BUCKET = b'<?xml version="1.0"?><Error><Code>NoSuchBucket</Code><Message>there is no such bucket</Message></Error>'


def answering(answer: bytes) -> Answering:
    async def write(_request: Request, writer: object) -> None:
        writer.write(answer)  # type: ignore[attr-defined]

    return write


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    return monkeypatch


async def test_a_bucket_that_answers_is_there_and_one_that_does_not_is_said_in_a_line(
    credentials: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with Receiver(answer=answering(response(body=LISTED))) as there:
        credentials.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{there.port}")
        assert await check_store("s3://bucket", tmp_path) == "s3://bucket answers"
    async with Receiver(answer=answering(response("404 Not Found", NO_BUCKET))) as gone:
        credentials.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{gone.port}")
        with pytest.raises(UnavailableError, match="s3://bucket cannot be listed") as refused:
            await check_store("s3://bucket", tmp_path)
    assert "NoSuchBucket" in refused.value.message
    assert "\n" not in refused.value.message


async def test_a_store_that_obstore_does_not_know_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="REGISTA_ARTIFACT_STORE cannot be used") as refused:
        await check_store("s4://bucket", tmp_path)
    assert "\n" not in refused.value.message


async def test_a_directory_is_looked_at_and_not_made(tmp_path: Path) -> None:
    assert await check_store(None, tmp_path) == f"{tmp_path}/blobs, made at the first start"
    (tmp_path / "blobs").mkdir()
    assert await check_store(None, tmp_path) == f"{tmp_path}/blobs"
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="cannot be written to"):
        await check_store(f"file://{tmp_path}/file/store", tmp_path)

"""Behind a login the dashboard shows nothing before it; without one it asks for none."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("WAREHOUSE_DIR", str(tmp_path))
    return AppTest.from_file(str(APP), default_timeout=30)


def test_with_an_identity_provider_a_stranger_sees_a_login_only(app: AppTest) -> None:
    app.secrets["auth"] = {"redirect_uri": "https://example.com/oauth2callback"}
    app.run()
    assert not app.exception
    assert [button.label for button in app.button] == ["Log in"]
    assert [info.value for info in app.info] == ["Log in to see the numbers."]


def test_without_one_nobody_is_asked(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert "There is no warehouse yet" in app.info[0].value

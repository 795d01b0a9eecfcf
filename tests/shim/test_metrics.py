"""What is counted, and how Prometheus reads it."""

import re
import time
from math import inf
from pathlib import Path

import pytest

from shim.metrics import COUNTERS, GAUGES, HISTOGRAMS, Metrics, write_metrics
from tests.fakes.scanner import FakeScanner, give_verdict
from tests.fakes.shim_program import MailHost, ShimProgram
from tests.fakes.submit import submit
from tests.shim.verdict_changes import rejecting

SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="[^"]*",?)+)\})? (\S+)')


def samples(text: str) -> dict[str, float]:
    """Read the text as Prometheus does: every line is a comment or a sample."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(SAMPLE.fullmatch(line) for line in lines)
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_every_family_has_help_and_type_also_without_a_sample() -> None:
    text = Metrics().render()

    for kind, families in (("counter", COUNTERS), ("gauge", GAUGES), ("histogram", HISTOGRAMS)):
        for name, described in families.items():
            assert f"# HELP couriergate_shim_{name} {described}\n# TYPE couriergate_shim_{name} {kind}\n" in text


def test_an_observation_counts_in_each_bucket_that_holds_it() -> None:
    metrics = Metrics()

    metrics.observe("message_seconds", 0.3)
    metrics.observe("message_seconds", 100.0)

    read = samples(metrics.render())
    bucket = 'couriergate_shim_message_seconds_bucket{le="'
    holding = {float(name[len(bucket) : -2]) for name in read if name.startswith(bucket) and read[name]}
    assert holding == {0.5, 1, 2.5, 5, 10, 30, 60, inf}
    assert read[bucket + '60"}'] == 1.0
    assert read['couriergate_shim_message_seconds_bucket{le="+Inf"}'] == 2.0
    assert read["couriergate_shim_message_seconds_count"] == 2.0
    assert read["couriergate_shim_message_seconds_sum"] == pytest.approx(100.3)


def test_what_one_process_took_another_adds() -> None:
    worker, parent = Metrics(), Metrics()
    worker.count("replies_total", code="2xx")

    parent.add(worker.take())
    parent.add(worker.take())
    worker.count("replies_total", code="2xx")
    parent.add(worker.take())

    assert samples(parent.render())['couriergate_shim_replies_total{code="2xx"}'] == 2.0


def test_no_label_breaks_its_line() -> None:
    metrics = Metrics()

    metrics.count("questions_total", scanner='a"b\\c\nd\u00e9')

    assert 'couriergate_shim_questions_total{scanner="a\\"b\\\\c\\nd?"} 1\n' in metrics.render()


def test_the_file_is_replaced_in_one_step_and_others_may_read_it(tmp_path: Path) -> None:
    write_metrics(Metrics(), tmp_path / "shim.prom")

    assert [entry.name for entry in tmp_path.iterdir()] == ["shim.prom"]
    assert (tmp_path / "shim.prom").stat().st_mode & 0o777 == 0o644


def test_the_program_counts_what_it_answered(mail_host: MailHost, tmp_path: Path) -> None:
    file = tmp_path / "shim.prom"
    with FakeScanner([give_verdict(rejecting), give_verdict(), give_verdict()]) as scanner:
        mail_host.set_up([scanner.endpoint], metrics_file=str(file))
        with ShimProgram(mail_host) as shim:
            for _ in range(3):
                submit(mail_host.filter_socket, mail_host.queue.put())
            shim.ask_to_stop()
            shim.wait_for_end()

    read = samples(file.read_text())
    prefix = "couriergate_shim_"
    assert read[prefix + 'messages_total{category="clean",destiny="pass"}'] == 2.0
    assert read[prefix + 'messages_total{category="clean",destiny="reject"}'] == 1.0
    assert read[prefix + 'replies_total{code="2xx"}'] == 2.0
    assert read[prefix + 'replies_total{code="5xx"}'] == 1.0
    assert read[prefix + "message_seconds_count"] == 3.0
    assert read[prefix + f'questions_total{{outcome="answered",scanner="{scanner.endpoint}"}}'] == 3.0
    assert read[prefix + "paused"] == 0.0
    assert time.time() - 600 < read[prefix + "start_time_seconds"] <= time.time()


def test_a_file_that_cannot_be_written_is_said_and_mail_goes_on(mail_host: MailHost, tmp_path: Path) -> None:
    with FakeScanner() as scanner:
        mail_host.set_up([scanner.endpoint], metrics_file=str(tmp_path / "missing/shim.prom"))
        with ShimProgram(mail_host) as shim:
            reply = submit(mail_host.filter_socket, mail_host.queue.put())
            shim.ask_to_stop()
            shim.wait_for_end()

    assert reply == b"200 2.0.0 Ok\n"
    assert any(line.fields.get("event") == "no metrics" for line in shim.log())

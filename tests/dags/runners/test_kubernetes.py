"""A task as a pod: its specification, which needs no cluster, and the error for each end."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from kubernetes.client import ApiClient  # type: ignore[import-untyped]  # it has no types
from kubernetes.client import models as k8s

from dags.runners.kubernetes import TaskPod
from tests.dags.runners.fake_engine import RUN, context


@pytest.fixture
def task() -> TaskPod:
    return TaskPod(
        task_id="ingest_imdb", verb="ingest_imdb", memory="2g", day="2026-11-22", execution_timeout=timedelta(minutes=1)
    )


def describe(task: TaskPod, number: int = 1) -> Any:
    """Return the pod as it is sent to Kubernetes."""
    return ApiClient().sanitize_for_serialization(task.build_pod_request_obj(context(number=number), dry_run=True))


def test_a_pod_runs_the_same_command_in_the_same_image_with_the_same_limits(task: TaskPod) -> None:
    pod = describe(task)
    base, spec = pod["spec"]["containers"][0], pod["spec"]
    assert pod["metadata"]["namespace"] == "marquee"
    assert pod["metadata"]["name"].startswith("marquee-ingest-imdb-")
    assert base["image"] == "marquee/tasks:1"
    assert base["args"] == ["python", "-m", "tasks.ingest_imdb", "--day", "2026-11-22"]
    assert not base.get("command"), "the image's entry point passes SIGTERM on"
    assert base["resources"] == {"limits": {"memory": "2Gi"}, "requests": {"memory": "2Gi"}}
    assert spec["volumes"] == [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}]
    assert base["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108  # the pod's
    assert spec["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] == 60
    assert len(spec["containers"]) == 1


def test_a_pod_may_do_no_more_than_a_task_needs(task: TaskPod) -> None:
    spec = describe(task)["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert not spec.get("hostNetwork")


def test_secrets_come_from_kubernetes_and_only_the_attempts_name_from_airflow(
    task: TaskPod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    pod = describe(task, number=2)
    base = pod["spec"]["containers"][0]
    assert base["envFrom"] == [{"secretRef": {"name": "marquee-tasks"}}]
    assert base["env"] == [
        {"name": "TASK_ATTEMPT", "value": f"refresh_movies/{RUN}/ingest_imdb/2"},
        {"name": "TASK_IMAGE", "value": "marquee/tasks:1"},
    ]
    assert "canary" not in repr(pod)


def test_a_pod_names_its_attempt_with_characters_that_kubernetes_allows(task: TaskPod) -> None:
    metadata = describe(task, number=2)["metadata"]
    full = {
        "marquee.platform": "marquee",
        "marquee.task": "ingest_imdb",
        "marquee.dag": "refresh_movies",
        "marquee.run": RUN,
        "marquee.try": "2",
    }
    assert metadata["annotations"] == full
    labels = {name: value for name, value in metadata["labels"].items() if name.startswith("marquee.")}
    assert {name: value for name, value in labels.items() if name != "marquee.run"} == {
        name: value for name, value in full.items() if name != "marquee.run"
    }
    assert labels["marquee.run"].startswith("manual__2026-11-22")
    assert len(labels["marquee.run"]) <= 63
    assert not set(labels["marquee.run"]) & set("+:/ ")


def ended(code: int | None, reason: str = "Error") -> k8s.V1Pod:
    """Return a pod whose task has ended with this code, or never ran (None)."""
    over = k8s.V1ContainerStateTerminated(exit_code=code, reason=reason) if code is not None else None
    status = k8s.V1ContainerStatus(
        name="base", image="", image_id="", ready=False, restart_count=0, state=k8s.V1ContainerState(terminated=over)
    )
    return k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(name="marquee-ingest-imdb-1", namespace="marquee", labels={"marquee.try": "1"}),
        spec=k8s.V1PodSpec(containers=[k8s.V1Container(name="base")]),
        status=k8s.V1PodStatus(phase="Failed" if code else "Succeeded", container_statuses=[status]),
    )


@pytest.fixture
def cluster(task: TaskPod, monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Replace the task's client and its pod manager by one mock."""
    cluster = Mock()
    cluster.read_pod.side_effect = lambda pod: pod
    task.__dict__.update(client=cluster, pod_manager=cluster)
    return cluster


@pytest.mark.parametrize(
    ("pod", "error", "message"),
    [
        (ended(65), AirflowFailException, "ended with exit code 65: the data it reads"),
        (ended(75), AirflowException, "ended with exit code 75"),
        (ended(137), AirflowException, "killed from outside by SIGKILL"),
        (ended(137, "OOMKilled"), AirflowFailException, "limit of 2g was reached"),
    ],
)
def test_each_end_has_the_error_of_the_other_runners_and_leaves_no_pod(
    task: TaskPod, cluster: Mock, pod: k8s.V1Pod, error: type[Exception], message: str
) -> None:
    with pytest.raises(AirflowException, match=message) as caught:
        task.cleanup(pod=pod, remote_pod=pod, context=context())
    assert type(caught.value) is error
    cluster.delete_pod.assert_called_once_with(pod)


def test_the_pod_of_a_task_that_succeeded_is_deleted(task: TaskPod, cluster: Mock) -> None:
    pod = ended(0)
    task.cleanup(pod=pod, remote_pod=pod, context=context())
    cluster.delete_pod.assert_called_once_with(pod)


def test_a_pod_that_never_ran_keeps_the_provider_s_message(task: TaskPod, cluster: Mock) -> None:
    pod = ended(None)
    pod.status.phase = "Pending"
    with pytest.raises(AirflowException, match="returned a failure"):
        task.cleanup(pod=pod, remote_pod=pod, context=context())


def test_a_timeout_is_reported_as_a_timeout(task: TaskPod, cluster: Mock) -> None:
    pod = ended(None)
    pod.status.phase = "Running"

    def execute() -> None:
        """Clean up while the timeout is raised, as the provider does."""
        try:
            raise TimeoutError("too long")
        finally:
            task.cleanup(pod=pod, remote_pod=pod, context=context())

    with pytest.raises(TimeoutError, match="too long"):
        execute()
    cluster.delete_pod.assert_called_once_with(pod)


def test_pods_of_earlier_attempts_are_deleted_before_the_next_starts(task: TaskPod, cluster: Mock, warnings: list[str]) -> None:
    left = ended(None)
    cluster.list_namespaced_pod.return_value = SimpleNamespace(items=[left])
    request = task.build_pod_request_obj(context(number=2), dry_run=True)
    task.get_or_create_pod(request, context(number=2))
    selector = cluster.list_namespaced_pod.call_args.kwargs["label_selector"]
    assert "marquee.task=ingest_imdb" in selector
    assert "marquee.try" not in selector
    assert [call[0] for call in cluster.method_calls] == ["list_namespaced_pod", "delete_pod", "create_pod"]
    assert warnings == ["removing pod marquee-ingest-imdb-1, left by attempt 1"]

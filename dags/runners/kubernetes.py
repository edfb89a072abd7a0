"""A task as a pod of its own on Kubernetes: the same image, command, limits and labels as on Docker."""

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.pod_generator import make_safe_label_value
from airflow.sdk.exceptions import AirflowException
from kubernetes.client import models as k8s  # type: ignore[import-untyped]  # it has no types

from dags.attempt import Attempt
from dags.run_task import DAY, STOP_SECONDS, failure, make_command, setting

USER = 10001
"""Of the tasks' image."""

START_SECONDS = 600
"""For a node to be found and the image to be pulled."""


class TaskPod(KubernetesPodOperator):
    """Runs a verb in an ephemeral pod of TASKS_IMAGE in TASKS_NAMESPACE, its log in the task log.

    The task's variables are the keys of the Kubernetes secret TASKS_SECRET; Airflow never reads them.
    """

    def __init__(
        self,
        *,
        verb: str,
        memory: str,
        execution_timeout: timedelta,
        day: str = DAY,
        flags: Sequence[str] = (),
        **options: Any,
    ) -> None:
        amount = f"{memory.upper()}i"  # Kubernetes' spelling: 2Gi for 2g
        super().__init__(
            name=f"marquee-{verb.replace('_', '-')}",
            namespace=os.environ.get("TASKS_NAMESPACE", "marquee"),
            image=setting("TASKS_IMAGE"),
            # The image's entry point stays: it passes SIGTERM on.
            arguments=make_command(verb, day, flags),
            env_from=[k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=setting("TASKS_SECRET")))],
            container_resources=k8s.V1ResourceRequirements(requests={"memory": amount}, limits={"memory": amount}),
            volumes=[k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource(medium="Memory", size_limit=amount))],
            volume_mounts=[k8s.V1VolumeMount(name="tmp", mount_path="/tmp")],  # noqa: S108  # the pod's, not this host's
            security_context=k8s.V1PodSecurityContext(
                run_as_non_root=True,
                run_as_user=USER,
                run_as_group=USER,
                fs_group=USER,
                seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
            ),
            container_security_context=k8s.V1SecurityContext(
                allow_privilege_escalation=False,
                capabilities=k8s.V1Capabilities(drop=["ALL"]),
                read_only_root_filesystem=True,
            ),
            automount_service_account_token=False,
            startup_timeout_seconds=START_SECONDS,
            termination_grace_period=STOP_SECONDS,
            # A pod whose worker was killed ends here at the latest: nobody else would end it.
            active_deadline_seconds=int(execution_timeout.total_seconds()),
            execution_timeout=execution_timeout,
            durable=False,  # a retry starts anew, under its own lease
            deferrable=False,
            get_logs=True,
            container_name_log_prefix_enabled=False,
            log_pod_spec_on_failure=False,
            log_events_on_failure=True,
            on_finish_action="delete_pod",
            on_kill_action="delete_pod",
            do_xcom_push=False,
            **options,
        )
        self.verb = verb
        self.memory = memory

    def build_pod_request_obj(self, context: Any = None, *, dry_run: bool = False) -> k8s.V1Pod:
        """Name the try in the pod: in full as annotations, and as labels as far as Kubernetes allows their letters."""
        if context:
            attempt = Attempt.of(context)
            self.annotations = attempt.labels_of_try()
            self.labels = safe(self.annotations)
            self.env_vars = [k8s.V1EnvVar(name="TASK_ATTEMPT", value=str(attempt))]
        return super().build_pod_request_obj(context, dry_run=dry_run)

    def get_or_create_pod(self, pod_request_obj: k8s.V1Pod, context: Any) -> k8s.V1Pod:
        """Remove what an earlier try left, then start this one's pod."""
        selector = ",".join(f"{name}={value}" for name, value in safe(Attempt.of(context).labels()).items())
        for left in self.client.list_namespaced_pod(pod_request_obj.metadata.namespace, label_selector=selector).items:
            self.log.warning("Removing pod %s, left by try %s", left.metadata.name, left.metadata.labels["marquee.try"])
            self.pod_manager.delete_pod(left)
        return super().get_or_create_pod(pod_request_obj, context)

    def cleanup(self, pod: k8s.V1Pod, remote_pod: k8s.V1Pod, xcom_result: Any = None, context: Any = None) -> None:
        """Delete the pod, and say why it failed as the other runners do."""
        unwinding = sys.exception()
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowException:
            if unwinding:  # a timeout or a lost cluster: that is the reason, not the state it left the pod in
                return
            ended = read_end(remote_pod, self.base_container_name)
            if ended is None:
                raise
            raise failure(self.verb, ended.exit_code, self.memory if ended.reason == "OOMKilled" else "") from None


def safe(labels: dict[str, str]) -> dict[str, str]:
    return {name: make_safe_label_value(value) for name, value in labels.items()}


def read_end(pod: k8s.V1Pod, container: str) -> k8s.V1ContainerStateTerminated | None:
    """Read how a container of a pod ended; None if it never ran or the node was lost."""
    statuses = (pod.status and pod.status.container_statuses) or []
    return next((status.state.terminated for status in statuses if status.name == container and status.state), None)

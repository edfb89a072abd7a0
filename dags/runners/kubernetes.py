"""The runner that starts each task in its own pod on Kubernetes, with the same image, command, limits and labels as on Docker."""

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.pod_generator import make_safe_label_value
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException
from kubernetes.client import models as k8s  # type: ignore[import-untyped]  # it has no types

from dags.attempt import Attempt
from dags.runners.command import DAY, STOP_SECONDS, make_command
from dags.runners.environment import read_setting
from dags.runners.exit_codes import to_airflow_error

USER_ID = 10001
"""Numeric id of the user and group in the tasks' image."""

START_SECONDS = 600
"""Time for Kubernetes to find a node and pull the image."""


class TaskPod(KubernetesPodOperator):
    """An operator that runs a verb in an ephemeral pod of TASKS_IMAGE in TASKS_NAMESPACE and copies its output to the task log.

    The task's variables are the keys of the Kubernetes secret TASKS_SECRET; Airflow never
    reads their values.
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
        amount = f"{memory.upper()}i"  # Kubernetes writes 2g as 2Gi
        super().__init__(
            name=f"marquee-{verb.replace('_', '-')}",
            namespace=os.environ.get("TASKS_NAMESPACE", "marquee"),
            image=read_setting("TASKS_IMAGE"),
            # Set only the arguments: the image's entry point passes SIGTERM on.
            arguments=make_command(verb, day, flags),
            env_from=[k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=read_setting("TASKS_SECRET")))],
            container_resources=k8s.V1ResourceRequirements(requests={"memory": amount}, limits={"memory": amount}),
            volumes=[k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource(medium="Memory", size_limit=amount))],
            volume_mounts=[k8s.V1VolumeMount(name="tmp", mount_path="/tmp")],  # noqa: S108  # the pod's, not this host's
            security_context=k8s.V1PodSecurityContext(
                run_as_non_root=True,
                run_as_user=USER_ID,
                run_as_group=USER_ID,
                fs_group=USER_ID,
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
            # Without a deadline, the pod of a killed worker would run on.
            active_deadline_seconds=int(execution_timeout.total_seconds()),
            execution_timeout=execution_timeout,
            durable=False,  # the next attempt starts from scratch with its own lease
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

    def build_pod_request_obj(self, context: Context | None = None, *, dry_run: bool = False) -> k8s.V1Pod:
        """Return the pod. Its annotations hold the attempt in full, and its labels hold it in the allowed characters."""
        if context:
            attempt = Attempt.of(context)
            self.annotations = attempt.attempt_labels()
            self.labels = to_safe_labels(self.annotations)
            # The digest of the image is known only if TASKS_IMAGE has it: each node resolves a tag by itself.
            own = {"TASK_ATTEMPT": str(attempt), "TASK_IMAGE": str(self.image)}
            self.env_vars = [k8s.V1EnvVar(name=name, value=value) for name, value in own.items()]
        return super().build_pod_request_obj(context, dry_run=dry_run)

    def get_or_create_pod(self, pod_request_obj: k8s.V1Pod, context: Context) -> k8s.V1Pod:
        """Delete the pods that earlier attempts left behind, then start the pod of this attempt."""
        selector = ",".join(f"{name}={value}" for name, value in to_safe_labels(Attempt.of(context).task_labels()).items())
        for left in self.client.list_namespaced_pod(pod_request_obj.metadata.namespace, label_selector=selector).items:
            self.log.warning("removing pod %s, left by attempt %s", left.metadata.name, left.metadata.labels["marquee.try"])
            self.pod_manager.delete_pod(left)
        return super().get_or_create_pod(pod_request_obj, context)

    def cleanup(self, pod: k8s.V1Pod, remote_pod: k8s.V1Pod, xcom_result: Any = None, context: Context | None = None) -> None:
        """Delete the pod. Raise the same error for its exit code as the other runners do."""
        unwinding = sys.exception()
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowException:
            if unwinding:  # keep the first error, a timeout or lost cluster; the pod's state only follows from it
                return
            ended = read_terminated(remote_pod, self.base_container_name)
            if ended is None:
                raise
            raise to_airflow_error(self.verb, ended.exit_code, self.memory if ended.reason == "OOMKilled" else "") from None


def to_safe_labels(labels: dict[str, str]) -> dict[str, str]:
    """Return the labels with values of at most 63 characters, all allowed by Kubernetes."""
    return {name: make_safe_label_value(value) for name, value in labels.items()}


def read_terminated(pod: k8s.V1Pod, container: str) -> k8s.V1ContainerStateTerminated | None:
    """Return the final state of a pod's container; None if it never ran or its node was lost."""
    statuses = (pod.status and pod.status.container_statuses) or []
    return next((status.state.terminated for status in statuses if status.name == container and status.state), None)

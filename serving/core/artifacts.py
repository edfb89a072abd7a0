"""Why a file that the service needs is not served."""


class ArtifactRejected(Exception):
    """The file is not what the deployment says, or fails its trial; the message says why."""


class FetchFailed(Exception):
    """The file cannot be fetched now; a later poll tries again."""

"""Errors of files that the service must load: models and prediction databases."""


class ArtifactRejected(Exception):
    """Error for a file that differs from the deployment's record or fails its trial; the message gives the reason."""


class FetchFailed(Exception):
    """Error for a file that cannot be fetched now; a later poll tries again."""

"""TLS of load: whom workers trust, and what they call the service."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from seatrial.api.base import Model, rules
from seatrial.api.variable import SourceKey

#: Every namespace has it: the certificate authority of the cluster itself (kube-controller-manager publishes it).
CLUSTER_CA = "kube-root-ca.crt"

ServerName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?$", max_length=253)]

_ONE = "give exactly one of configMap and secret"
_NOBODY = "insecureSkipVerify trusts everybody: leave ca out, or insecureSkipVerify"


class CertificateAuthority(Model):
    """Certificates in PEM that are trusted."""

    config_map: SourceKey | None = Field(None, description="A ConfigMap in the namespace of the workers.")
    secret: SourceKey | None = Field(None, description="A Secret in the namespace of the workers.")

    model_config = {"json_schema_extra": rules(("has(self.configMap) != has(self.secret)", _ONE))}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.config_map is None) == (self.secret is None):
            raise ValueError(_ONE)
        return self


class TargetTls(Model):
    """How workers speak TLS to the service."""

    ca: CertificateAuthority | None = Field(
        None,
        description="Certificate authorities to trust, and no others, in PEM, up to 100 KB. Default: those of the "
        "worker's image.",
    )
    server_name: ServerName | None = Field(
        None,
        description="Name that the service's certificate must have, which is also sent (SNI) and is the Host header's "
        "default. Default: SERVICE.NAMESPACE.svc.",
    )
    insecure_skip_verify: bool = Field(
        False,
        description="Takes any certificate, whoever made it and for whatever name, as anybody in between could. "
        "Default false.",
    )

    model_config = {
        "json_schema_extra": rules(
            ("!has(self.ca) || !has(self.insecureSkipVerify) || !self.insecureSkipVerify", _NOBODY)
        )
    }

    @model_validator(mode="after")
    def _trusts_somebody(self) -> Self:
        if self.ca is not None and self.insecure_skip_verify:
            raise ValueError(_NOBODY)
        return self

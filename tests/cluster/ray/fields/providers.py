"""The fields of a machine that the launcher files set, by cloud: Ray's own schema leaves them open.

AWS: the input of EC2's RunInstances, as botocore 1.44 describes it. Google Cloud: `Instance` of the Compute Engine API
v1. Azure: the parameters of the deployment template that Ray carries. Only the fields that the files use are here.
"""

import json
from pathlib import Path
from typing import Any, Literal

import ray.autoscaler
from pydantic import BaseModel, ConfigDict, Field

AZURE_TEMPLATE = Path(ray.autoscaler.__file__).parent / "_private/_azure/azure-vm-template.json"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class EbsVolume(Strict):
    VolumeSize: int  # GiB
    VolumeType: Literal["gp3"]


class BlockDeviceMapping(Strict):
    DeviceName: Literal["/dev/sda1"]  # the root of Ubuntu's images
    Ebs: EbsVolume


class AwsSpot(Strict):
    SpotInstanceType: Literal["one-time", "persistent"]
    InstanceInterruptionBehavior: Literal["hibernate", "stop", "terminate"]


class AwsMarket(Strict):
    MarketType: Literal["spot"]
    SpotOptions: AwsSpot


class AwsMachine(Strict):
    InstanceType: str
    ImageId: str = Field(pattern=r"^ami-")
    BlockDeviceMappings: list[BlockDeviceMapping]
    InstanceInitiatedShutdownBehavior: Literal["stop", "terminate"] | None = None
    InstanceMarketOptions: AwsMarket | None = None


class InitializeParams(Strict):
    diskSizeGb: int
    sourceImage: str = Field(pattern=r"^projects/[^/]+/global/images/family/[^/]+$")


class Disk(Strict):
    boot: bool
    autoDelete: bool
    type: Literal["PERSISTENT", "SCRATCH"]
    initializeParams: InitializeParams


class Duration(Strict):
    seconds: str = Field(pattern=r"^\d+$")  # an int64, which the API writes as a string


class Scheduling(Strict):
    onHostMaintenance: Literal["MIGRATE", "TERMINATE"]
    provisioningModel: Literal["SPOT", "STANDARD"] | None = None
    instanceTerminationAction: Literal["DELETE", "STOP"] | None = None
    automaticRestart: bool | None = None
    maxRunDuration: Duration | None = None


class GcpMachine(Strict):
    machineType: str
    disks: list[Disk]
    scheduling: Scheduling | None = None


class AzureMachine(Strict):
    azure_arm_parameters: dict[str, Any]

    def model_post_init(self, _: Any) -> None:
        template = json.loads(AZURE_TEMPLATE.read_text())["parameters"]
        types = {"string": str, "int": int, "bool": bool, "object": dict, "array": list}
        for name, value in self.azure_arm_parameters.items():
            if name not in template:
                raise ValueError(f"{name} is no parameter of {AZURE_TEMPLATE.name}")
            if not isinstance(value, types[template[name]["type"]]):
                raise ValueError(f"{name} must be of type {template[name]['type']}")


class OwnMachine(Strict):
    """Ray's local provider has no fields: it only connects."""


MACHINES: dict[str, type[Strict]] = {
    "aws": AwsMachine,
    "gcp": GcpMachine,
    "azure": AzureMachine,
    "local": OwnMachine,
}

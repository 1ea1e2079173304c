"""An encoded image through tritonclient, over HTTP and gRPC, on `my_model`.

python tritonclient_images.py HTTP_ADDRESS GRPC_ADDRESS IMAGE
"""

import numpy as np
import tritonclient.grpc
import tritonclient.http
from answers import tell


def over(library, address, image):
    with open(image, "rb") as file:
        data = np.array([file.read()], np.object_)
    given = library.InferInput("input_name", [1], "BYTES")
    given.set_data_from_numpy(data)
    client = library.InferenceServerClient(address)
    return client.infer("my_model", [given]).as_numpy("output_name")


def over_http(http, _, image):
    return over(tritonclient.http, http, image)


def over_grpc(_, grpc, image):
    return over(tritonclient.grpc, grpc, image)


if __name__ == "__main__":
    tell(over_http, over_grpc)

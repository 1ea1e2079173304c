// Asks half_plus_two for a prediction through the definitions that `dragoman protos` writes.
//
//     predict ADDRESS    prints the version that answered, and the values of y

#include <grpcpp/grpcpp.h>

#include <iostream>
#include <memory>

#include "tensorflow_serving/apis/prediction_service.grpc.pb.h"

int main(int count, char** arguments) {
    if (count != 2) {
        std::cerr << "usage: predict ADDRESS\n";
        return 2;
    }
    auto channel = grpc::CreateChannel(arguments[1], grpc::InsecureChannelCredentials());
    auto stub = tensorflow::serving::PredictionService::NewStub(channel);

    tensorflow::serving::PredictRequest request;
    request.mutable_model_spec()->set_name("half_plus_two");
    request.mutable_model_spec()->mutable_version()->set_value(1);
    tensorflow::TensorProto& x = (*request.mutable_inputs())["x"];
    x.set_dtype(tensorflow::DT_FLOAT);
    x.mutable_tensor_shape()->add_dim()->set_size(3);
    for (float value : {1.0f, 2.0f, 5.0f}) x.add_float_val(value);

    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    tensorflow::serving::PredictResponse response;
    grpc::Status status = stub->Predict(&context, request, &response);
    if (!status.ok()) {
        std::cerr << status.error_code() << ": " << status.error_message() << "\n";
        return 1;
    }
    std::cout << response.model_spec().version().value();
    for (float value : response.outputs().at("y").float_val()) std::cout << " " << value;
    std::cout << "\n";
    return 0;
}

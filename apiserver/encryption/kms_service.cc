#include "apiserver/encryption/kms_service.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <array>

#include "apiserver/encryption/proto/kms_v2.grpc.pb.h"

namespace skiff {
namespace {

namespace kms_pb = ::v2;

constexpr int kKmsReconnectMaxMs = 1000;

// As Go's gRPC names them.
constexpr std::array<const char*, 17> kCodeNames = {
    "OK",           "Canceled",         "Unknown",           "InvalidArgument",
    "DeadlineExceeded", "NotFound",     "AlreadyExists",     "PermissionDenied",
    "ResourceExhausted", "FailedPrecondition", "Aborted",    "OutOfRange",
    "Unimplemented", "Internal",        "Unavailable",       "DataLoss",
    "Unauthenticated"};

std::string CodeName(grpc::StatusCode code) {
  const auto number = static_cast<size_t>(code);
  return number < kCodeNames.size() ? kCodeNames[number] : "Unknown";
}

std::shared_ptr<grpc::Channel> KmsChannel(const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kKmsReconnectMaxMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kKmsReconnectMaxMs);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  // unix:///@name is a socket without a file.
  constexpr std::string_view kAbstract = "unix:///@";
  const std::string target = endpoint.starts_with(kAbstract)
                                 ? "unix-abstract:" + endpoint.substr(kAbstract.size())
                                 : endpoint;
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

class GrpcKmsService final : public KmsService {
 public:
  GrpcKmsService(const std::string& endpoint, Duration timeout, KmsCallNote note)
      : timeout_(timeout),
        note_(std::move(note)),
        stub_(kms_pb::KeyManagementService::NewStub(KmsChannel(endpoint))) {}

  Result<Health> Status() override {
    const auto response = TRY(
        Call<kms_pb::StatusResponse>("Status", &Stub::Status, kms_pb::StatusRequest()));
    return Health{response.version(), response.healthz(), response.key_id()};
  }

  Result<Encrypted> Encrypt(const std::string& uid, std::string_view plain) override {
    kms_pb::EncryptRequest request;
    request.set_plaintext(plain.data(), plain.size());
    request.set_uid(uid);
    const auto response = TRY(Call<kms_pb::EncryptResponse>("Encrypt", &Stub::Encrypt, request));
    Encrypted encrypted{response.ciphertext(), response.key_id(), {}};
    for (const auto& [name, value] : response.annotations()) encrypted.annotations[name] = value;
    return encrypted;
  }

  Result<std::string> Decrypt(const std::string& uid, const Encrypted& encrypted) override {
    kms_pb::DecryptRequest request;
    request.set_ciphertext(encrypted.ciphertext);
    request.set_uid(uid);
    request.set_key_id(encrypted.key_id);
    for (const auto& [name, value] : encrypted.annotations) {
      (*request.mutable_annotations())[name] = value;
    }
    const auto response = TRY(Call<kms_pb::DecryptResponse>("Decrypt", &Stub::Decrypt, request));
    return response.plaintext();
  }

 private:
  using Stub = kms_pb::KeyManagementService::Stub;

  template <typename Response, typename Request>
  Result<Response> Call(const char* name,
                        grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        const Request& request) {
    const auto begun = std::chrono::steady_clock::now();
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::microseconds>(timeout_));
    context.set_wait_for_ready(true);
    Response response;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    const std::string code = CodeName(status.error_code());
    if (note_) {
      note_(std::string("/v2.KeyManagementService/") + name,
            std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begun), code);
    }
    if (status.ok()) return response;
    return Fail(Reason::kInternalError, fmt::format("rpc error: code = {} desc = {}", code,
                                                    status.error_message()));
  }

  const Duration timeout_;
  const KmsCallNote note_;
  const std::unique_ptr<Stub> stub_;
};

}  // namespace

std::unique_ptr<KmsService> ConnectKms(const std::string& endpoint, Duration timeout,
                                       KmsCallNote note) {
  return std::make_unique<GrpcKmsService>(endpoint, timeout, std::move(note));
}

}  // namespace skiff

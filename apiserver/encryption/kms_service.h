// A KMS plugin, as an API server talks to it: version 2 of KMS's protocol, gRPC over a socket of
// this machine. The door to it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

// Thread-safe. Each call waits for its answer, for a bounded time.
class KmsService {
 public:
  using Annotations = std::map<std::string, std::string>;
  struct Health {
    std::string version;  // v2
    std::string healthz;  // ok
    std::string key_id;   // Of the key that Encrypt uses now.
  };
  struct Encrypted {
    std::string ciphertext;
    std::string key_id;
    Annotations annotations;
  };

  virtual ~KmsService() = default;
  virtual Result<Health> Status() = 0;
  virtual Result<Encrypted> Encrypt(const std::string& uid, std::string_view plain) = 0;
  virtual Result<std::string> Decrypt(const std::string& uid, const Encrypted& encrypted) = 0;
};

// Told of each call: its method (/v2.KeyManagementService/Status), how long it took, and the name
// of gRPC's code.
using KmsCallNote =
    std::function<void(const std::string& method, Duration took, const std::string& code)>;

// `endpoint`: unix:///path. Connects when it is asked something, and again when it has to.
std::unique_ptr<KmsService> ConnectKms(const std::string& endpoint, Duration timeout,
                                       KmsCallNote note);

}  // namespace skiff

// The two sides of the device plugin API, v1beta1: the kubelet's calls to a plugin, and the service
// by which plugins register with it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "kubelet/cri.h"
#include "kubelet/devices/device_book.h"

namespace skiff::kubelet::devices {

inline constexpr char kVersion[] = "v1beta1";

// What a container needs for its devices.
struct Grant {
  std::map<std::string, std::string> envs;
  std::vector<cri::Mount> mounts;
  std::vector<cri::Device> devices;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> cdi_devices;
};
// From Allocation::response.
Result<Grant> ParseGrant(const std::string& response);

// One plugin. Thread-safe; calls block, and fail in the words of gRPC's clients.
class PluginClient {
 public:
  static constexpr Duration kPreStartTimeout = 30s;
  static constexpr Duration kCallTimeout = 60s;  // A kubelet would wait for ever.

  struct Options {
    bool pre_start = false;
    bool preferred_allocation = false;
  };
  // Called on threads of gRPC's, none after the client is gone.
  struct Listener {
    std::function<void(DeviceMap devices)> devices;
    std::function<void()> ended;
  };

  // Fails when nobody answers on the socket.
  static Result<std::unique_ptr<PluginClient>> Connect(const std::string& socket);
  ~PluginClient();
  const Options& options() const { return options_; }
  // Once. `ended` may be called before it returns.
  void Watch(Listener listener);
  // What is to be done for a container that has these devices.
  Result<std::string> Allocate(const DeviceIds& ids) const;
  Result<DeviceIds> Preferred(const DeviceIds& available, const DeviceIds& included,
                              size_t count) const;
  Result<> PreStart(const DeviceIds& ids) const;

 private:
  struct Connection;
  PluginClient();
  const std::unique_ptr<Connection> connection_;
  Options options_;
};

struct RegisterRequest {
  std::string version;
  std::string endpoint;  // The name of the plugin's socket in the directory.
  std::string resource;
};

// Listens on a socket as long as it lives.
class RegistrationServer {
 public:
  using Handler = std::function<Result<>(const RegisterRequest& request)>;
  // nullptr where the socket cannot be made.
  static std::unique_ptr<RegistrationServer> Listen(const std::string& socket, Handler handler);
  virtual ~RegistrationServer() = default;
};

}  // namespace skiff::kubelet::devices

// What a plugin says of itself on the socket that it registers by, and what it is told.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace skiff::kubelet::plugins {

struct PluginInfo {
  std::string type;  // "CSIPlugin", ...
  std::string name;
  std::string endpoint;  // The path of the socket that it serves its calls on.
  std::vector<std::string> versions;
};
Result<PluginInfo> GetPluginInfo(const std::string& socket);
// `error` is empty when the plugin has been registered.
Result<> NotifyRegistered(const std::string& socket, const std::string& error);

// Plugins of one type.
class PluginHandler {
 public:
  virtual ~PluginHandler() = default;
  // Why it cannot be registered, in the kubelet's words; "": it can.
  virtual std::string RefusalOf(const PluginInfo& info) const = 0;
  virtual Result<> Register(const PluginInfo& info) = 0;
  // Waits for nobody: what others have to be told of it, Settle does.
  virtual void Unregister(const PluginInfo& info) = 0;
  // Whether there is nothing left to tell of those that went. Waits for nobody, either.
  virtual bool IsSettled() const { return true; }
  // Tells it. Called again, soon, as long as some is left; never twice at one time.
  virtual void Settle() {}
};

}  // namespace skiff::kubelet::plugins

// For who may update objects and not patch them, as most of Kubernetes' controllers may by their
// roles: what is sent as a merge patch goes as the object that it makes of the newest one.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "client/transport.h"

namespace skiff {

// Lives no longer than `below`.
class WholeUpdates final : public Transport {
 public:
  // How often somebody else may write in between. A patch of one version is not tried again.
  static constexpr int kTriesMax = 5;
  // Of a PATCH of `path` that has to go so: the path of the object itself, without "/status".
  using ObjectOf = std::function<std::optional<std::string>(const std::string& path)>;

  WholeUpdates(Transport& below, ObjectOf object_of)
      : below_(below), object_of_(std::move(object_of)) {}
  // The answer of the update, or of the read before it where that failed.
  http::Response Send(http::Request request) override;

 private:
  http::Response SendWhole(const http::Request& patch, const std::string& object_path);

  Transport& below_;
  const ObjectOf object_of_;
};

}  // namespace skiff

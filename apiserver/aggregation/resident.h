// A version that a part of this process answers for, as long as no APIService says that somebody
// else does: metrics.k8s.io of `skiff up`. There is no APIService of it, so that whoever installs a
// server for it finds nothing in the way.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace skiff {

struct Resident {
  // As a metrics server asks for in its APIService.
  static constexpr int kPriority = 100;

  std::string group;
  std::string version;
  // Of /apis/<group>/<version>, what is below it, and /openapi/v3/apis/<group>/<version>. The
  // request is authenticated and authorized. Any thread; must not wait. That path itself, and the
  // document, are always answered the same.
  std::function<Result<http::Response>(const http::Request& request)> answer;

  std::string path() const { return "/apis/" + group + "/" + version; }
  bool Is(std::string_view group_name, std::string_view version_name) const {
    return group == group_name && version == version_name;
  }
};

}  // namespace skiff

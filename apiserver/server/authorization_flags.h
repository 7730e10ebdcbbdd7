// The flags of kube-apiserver that say who is asked whether somebody may do something:
// --authorization-*.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/flags.h"

namespace skiff {

struct AuthorizationOptions;

struct AuthorizationFlags {
  std::string config;
  std::string policy_file;
  std::string webhook_config_file;
  std::string webhook_version = "v1beta1";
  Duration authorized_ttl = 5min;
  Duration unauthorized_ttl = 30s;
};

// But for --authorization-mode, whose list programs that start a server set themselves.
void AddAuthorizationFlags(Flags& flags, AuthorizationFlags& to);
// Invalid carries kube-apiserver's text. `modes` becomes its default where nothing says any.
Result<> CheckAuthorizationFlags(const AuthorizationFlags& flags, const Flags::Given& given,
                                 std::vector<std::string>& modes);
// With all files read; null: the modes say all.
Result<std::shared_ptr<const AuthorizationOptions>> AuthorizationOf(
    const AuthorizationFlags& flags, const std::vector<std::string>& modes);

}  // namespace skiff

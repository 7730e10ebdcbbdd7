// Every field of KubeletConfiguration, with what it holds. Pure data.
#pragma once

#include <span>
#include <string_view>

namespace skiff::kubelet {

struct ConfigurationField {
  std::string_view path;  // "authentication.x509.clientCAFile"
  std::string_view type;  // Go's: "bool", "int32", "v1.Duration", "map[string]string", ...
};

// "any" is not looked into.
std::span<const ConfigurationField> ConfigurationFields();

}  // namespace skiff::kubelet

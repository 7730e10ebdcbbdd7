// What is in files that users name.
#pragma once

#include <optional>
#include <string>

namespace skiff::cli {

// nullopt: it cannot be read.
std::optional<std::string> FileText(const std::string& path);

}  // namespace skiff::cli

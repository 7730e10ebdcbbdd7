// A kuberc as a document of kubectl.config.k8s.io/v1beta1.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/values.h"
#include "base/error.h"
#include "client/exec_credential.h"

namespace skiff::cli {

inline constexpr char kPreferenceVersion[] = "kubectl.config.k8s.io/v1beta1";

struct ReadPreference {
  std::optional<Json> document;  // Nothing stands in an empty file.
  std::string ignored;           // What of it is not known, in words.
  size_t entry = 0;              // Which document of the file it is, from 1; 0: none.
  std::string version;           // As the file says it.
};

// The first document in the file's text that is one, whatever its version. `passed_over` is told,
// a line each, why others before it are none; it may be null.
Result<ReadPreference> ParsePreference(const std::string& text, const std::string& path,
                                       std::vector<std::string>* passed_over = nullptr);
Result<> CheckPreference(const Json& preference);
// Of a checked one.
ExecPolicy ExecPolicyOf(const Json& preference);

}  // namespace skiff::cli

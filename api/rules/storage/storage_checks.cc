#include "api/rules/storage/storage_checks.h"

#include "api/rules/checks.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr size_t kParametersMax = 512;
constexpr size_t kParametersBytesMax = 256 * 1024;

}  // namespace

void ValidateProvisioner(const std::string& name, const FieldPath& path, Violations& out) {
  if (name.empty()) return out.Required(path);
  const std::string lowercase = Lower(name);
  out.InvalidEach(path, lowercase, LabelKeyErrors(lowercase));
}

void ValidateStorageParameters(const std::map<std::string, std::string>& parameters,
                               bool allow_empty, const FieldPath& path, Violations& out) {
  if (parameters.empty()) {
    if (!allow_empty) out.Required(path, "must contain at least one key/value pair");
    return;
  }
  if (parameters.size() > kParametersMax) return out.TooLong(path, kParametersMax);
  size_t bytes = 0;
  for (const auto& [key, value] : parameters) {
    if (key.empty()) out.Invalid(path, key, "field can not be empty.");
    bytes += key.size() + value.size();
  }
  if (bytes > kParametersBytesMax) out.TooLong(path, kParametersBytesMax);
}

}  // namespace skiff

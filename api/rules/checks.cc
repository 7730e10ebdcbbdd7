#include "api/rules/checks.h"

#include <algorithm>

#include "api/rules/core/ip.h"

namespace skiff {

void CheckFormat(Format format, const std::string& value, const FieldPath& path, Violations& out) {
  out.InvalidEach(path, value, format(value));
}

void RequireFormat(Format format, const std::string& value, const FieldPath& path,
                   Violations& out) {
  if (value.empty()) return out.Required(path);
  CheckFormat(format, value, path, out);
}

void Require(const std::string& value, const FieldPath& path, Violations& out) {
  if (value.empty()) out.Required(path);
}

bool IsOneOf(std::string_view value, Words words) {
  return std::ranges::any_of(words, [&](const char* word) { return value == word; });
}

void CheckOneOf(const std::string& value, Words supported, const FieldPath& path, Violations& out) {
  if (IsOneOf(value, supported)) return;
  out.NotSupported(path, value, {supported.begin(), supported.end()});
}

void RequireOneOf(const std::string& value, Words supported, const FieldPath& path,
                  Violations& out) {
  if (value.empty()) return out.Required(path);
  CheckOneOf(value, supported, path, out);
}

void CheckRange(int64_t value, int64_t low, int64_t high, const FieldPath& path, Violations& out) {
  if (value < low || value > high) out.Invalid(path, value, RangeMessage(low, high));
}

void CheckPortNumber(int64_t port, const FieldPath& path, Violations& out) {
  out.InvalidEach(path, port, PortNumberErrors(port));
}

void CheckUserId(int64_t id, const FieldPath& path, Violations& out) {
  out.InvalidEach(path, id, UserIdErrors(id));
}

void CheckFileMode(int32_t mode, const FieldPath& path, Violations& out) {
  if (mode < 0 || mode > 0777) {
    out.Invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive");
  }
}

void CheckIp(const std::string& value, const FieldPath& path, Violations& out) {
  out.InvalidEach(path, value, LegacyIpErrors(value));
}

void CheckNoBacksteps(const std::string& value, const FieldPath& path, Violations& out) {
  for (size_t begin = 0; begin <= value.size();) {
    const size_t end = std::min(value.find('/', begin), value.size());
    if (value.compare(begin, end - begin, "..") == 0) {
      return out.Invalid(path, value, "must not contain '..'");
    }
    begin = end + 1;
  }
}

void CheckRelativePath(const std::string& value, const FieldPath& path, Violations& out) {
  if (value.starts_with('/')) out.Invalid(path, value, "must be a relative path");
  CheckNoBacksteps(value, path, out);
}

void CheckLocalPath(const std::string& value, const FieldPath& path, Violations& out) {
  CheckRelativePath(value, path, out);
  if (value.starts_with("..") && !value.starts_with("../")) {
    out.Invalid(path, value, "must not start with '..'");
  }
}

void CheckFinalizerName(const std::string& name, const FieldPath& path, Violations& out) {
  if (name.find('/') != std::string::npos ||
      IsOneOf(name, {"kubernetes", "orphan", "foregroundDeletion"})) {
    return;
  }
  out.Invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified");
}

void CheckFinalizerNames(const std::vector<std::string>& finalizers, const FieldPath& path,
                         Violations& out) {
  for (size_t i = 0; i < finalizers.size(); ++i) {
    CheckFinalizerName(finalizers[i], path.Index(i), out);
  }
}

}  // namespace skiff

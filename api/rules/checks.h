// Small checks that many kinds share. Each reports nothing when all is well.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "api/rules/names.h"
#include "api/select/field_path.h"
#include "api/violations.h"

namespace skiff {

using Format = Messages (*)(std::string_view value);
using Words = std::initializer_list<const char*>;

void CheckFormat(Format format, const std::string& value, const FieldPath& path, Violations& out);
// The same, and empty text is missing.
void RequireFormat(Format format, const std::string& value, const FieldPath& path, Violations& out);
void Require(const std::string& value, const FieldPath& path, Violations& out);

// `supported` is printed in this order.
void CheckOneOf(const std::string& value, Words supported, const FieldPath& path, Violations& out);
// The same, and empty text is missing.
void RequireOneOf(const std::string& value, Words supported, const FieldPath& path,
                  Violations& out);
bool IsOneOf(std::string_view value, Words words);

void CheckRange(int64_t value, int64_t low, int64_t high, const FieldPath& path, Violations& out);
void CheckPortNumber(int64_t port, const FieldPath& path, Violations& out);
void CheckUserId(int64_t id, const FieldPath& path, Violations& out);
void CheckFileMode(int32_t mode, const FieldPath& path, Violations& out);
// Fields of old: leading zeros are fine.
void CheckIp(const std::string& value, const FieldPath& path, Violations& out);

// Relative, and never upwards.
void CheckRelativePath(const std::string& value, const FieldPath& path, Violations& out);
void CheckNoBacksteps(const std::string& value, const FieldPath& path, Violations& out);
// A relative path whose first part does not begin with two dots.
void CheckLocalPath(const std::string& value, const FieldPath& path, Violations& out);

// A finalizer without a domain is one of Kubernetes' own. Of the built-in kinds alone, after
// ValidateObjectMeta; `path` is that of the finalizer, or of the list.
void CheckFinalizerName(const std::string& name, const FieldPath& path, Violations& out);
void CheckFinalizerNames(const std::vector<std::string>& finalizers, const FieldPath& path,
                         Violations& out);

}  // namespace skiff

// The formats of Kubernetes' names, keys and small values. Each function returns a message for
// every thing that is wrong, in Kubernetes' words; none: the value is fine. All are pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/select/field_path.h"

namespace skiff {

class Violations;

using Messages = std::vector<std::string>;

inline constexpr std::string_view kMustBeNonNegative = "must be greater than or equal to 0";
inline constexpr std::string_view kMustBePositive = "must be greater than zero";
inline constexpr std::string_view kFieldImmutable = "field is immutable";
inline constexpr std::string_view kMustBeNonEmpty = "must be non-empty";

// "must be between 1 and 65535, inclusive"
std::string RangeMessage(int64_t low, int64_t high);
// "must be no more than 63 characters"; label keys and values count "bytes" instead.
std::string LengthMessage(size_t length_max, std::string_view unit = "characters");

Messages Dns1123LabelErrors(std::string_view value);
Messages Dns1123SubdomainErrors(std::string_view value);
Messages Dns1123SubdomainWithUnderscoreErrors(std::string_view value);  // dnsConfig.searches
Messages Dns1035LabelErrors(std::string_view value);
Messages WildcardDns1123SubdomainErrors(std::string_view value);  // "*.example.com"
// A qualified name: "name" or "example.com/name".
Messages LabelKeyErrors(std::string_view value);
Messages LabelValueErrors(std::string_view value);
Messages CIdentifierErrors(std::string_view value);
// Environment variables: any printable ASCII but "=".
Messages EnvVarNameErrors(std::string_view value);
// Keys of ConfigMap and Secret data.
Messages ConfigMapKeyErrors(std::string_view value);
Messages HttpHeaderNameErrors(std::string_view value);
Messages PercentErrors(std::string_view value);  // "25%"
Messages PortNumberErrors(int64_t port);
Messages PortNameErrors(std::string_view value);  // Container and Service ports' IANA names.
Messages UserIdErrors(int64_t id);                // Group ids as well.
// What can stand between slashes in a URL; as a prefix, "." and ".." are fine.
Messages PathSegmentErrors(std::string_view value);
Messages PathSegmentPrefixErrors(std::string_view value);
Messages ConditionReasonErrors(std::string_view value);  // Length aside.
// "." and ".." and "..x" as file names.
Messages ChDirPrefixErrors(std::string_view value);

// How metadata.name is checked. `is_prefix`: it is a generateName, to which a suffix comes.
using NameRule = Messages (*)(std::string_view name, bool is_prefix);
Messages NameIsDnsSubdomain(std::string_view name, bool is_prefix);
Messages NameIsDnsLabel(std::string_view name, bool is_prefix);
Messages NameIsDns1035Label(std::string_view name, bool is_prefix);
Messages NameIsPathSegment(std::string_view name, bool is_prefix);

// Formats whose errors sit at a part of the value.
void ValidateFullyQualifiedName(std::string_view value, const FieldPath& path, Violations& out);
void ValidateFullyQualifiedDomainName(std::string_view value, const FieldPath& path,
                                      Violations& out);
void ValidateDomainPrefixedPath(std::string_view value, const FieldPath& path, Violations& out);
void ValidateCsiDriverName(std::string_view value, const FieldPath& path, Violations& out);
void ValidateSignerName(std::string_view value, const FieldPath& path, Violations& out);

}  // namespace skiff

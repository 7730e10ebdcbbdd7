#include "api/rules/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "api/violations.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr size_t kLabelBytesMax = 63;
constexpr size_t kSubdomainBytesMax = 253;
constexpr size_t kPortNameBytesMax = 15;
constexpr int64_t kIdMax = 2147483647;
constexpr size_t kSignerNameBytesMax = 571;

constexpr std::string_view kQualifiedNameText =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character";
constexpr std::string_view kQualifiedNamePattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

bool IsLowerAlnum(char c) {
  return IsLower(c) || IsDigit(c);
}

template <typename Allowed>
bool AllOf(std::string_view text, Allowed allowed) {
  return std::all_of(text.begin(), text.end(), allowed);
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string Join(const Messages& messages, std::string_view separator) {
  return fmt::format("{}", fmt::join(messages, separator));
}

// "text (e.g. 'a',  or 'b', regex used for validation is 'pattern')"
std::string PatternMessage(std::string_view text, std::string_view pattern,
                           std::initializer_list<std::string_view> examples) {
  std::string out = std::string(text) + " (";
  for (const std::string_view example : examples) {
    out += out.back() == '(' ? "e.g. '" : " or '";
    out.append(example).append("', ");
  }
  return out.append("regex used for validation is '").append(pattern).append("')");
}

// [a-z0-9]([-a-z0-9]*[a-z0-9])?
bool IsLabel(std::string_view value) {
  return !value.empty() && IsLowerAlnum(value.front()) && IsLowerAlnum(value.back()) &&
         AllOf(value, [](char c) { return IsLowerAlnum(c) || c == '-'; });
}

bool IsSubdomain(std::string_view value) {
  const auto parts = Split(value, '.');
  return std::all_of(parts.begin(), parts.end(), IsLabel);
}

// _?[a-z0-9]([-_a-z0-9]*[a-z0-9])?
bool IsLabelWithUnderscore(std::string_view value) {
  if (value.starts_with('_')) value.remove_prefix(1);
  return !value.empty() && IsLowerAlnum(value.front()) && IsLowerAlnum(value.back()) &&
         AllOf(value, [](char c) { return IsLowerAlnum(c) || c == '-' || c == '_'; });
}

// ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]
bool IsQualifiedNamePart(std::string_view value) {
  return !value.empty() && IsAlnum(value.front()) && IsAlnum(value.back()) &&
         AllOf(value, [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::string SubdomainMessage() {
  return PatternMessage(
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
      "'.', and must start and end with an alphanumeric character",
      "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", {"example.com"});
}

Messages SubdomainErrors(std::string_view value, std::string_view unit) {
  Messages out;
  if (value.size() > kSubdomainBytesMax) out.push_back(LengthMessage(kSubdomainBytesMax, unit));
  if (!IsSubdomain(value)) out.push_back(SubdomainMessage());
  return out;
}

// A generateName may end in "-": with the suffix it will not. Kubernetes masks the end so.
std::string Masked(std::string_view name, bool is_prefix) {
  std::string masked(name);
  if (is_prefix && masked.size() > 1 && masked.back() == '-') {
    masked.replace(masked.size() - 2, 2, "a");
  }
  return masked;
}

}  // namespace

std::string RangeMessage(int64_t low, int64_t high) {
  return fmt::format("must be between {} and {}, inclusive", low, high);
}

std::string LengthMessage(size_t length_max, std::string_view unit) {
  return fmt::format("must be no more than {} {}", length_max, unit);
}

Messages Dns1123LabelErrors(std::string_view value) {
  Messages out;
  if (value.size() > kLabelBytesMax) out.push_back(LengthMessage(kLabelBytesMax));
  if (!IsLabel(value)) {
    out.push_back(
        IsSubdomain(value)
            ? "must not contain dots"
            : PatternMessage(
                  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters "
                  "or '-', and must start and end with an alphanumeric character",
                  "[a-z0-9]([-a-z0-9]*[a-z0-9])?", {"my-name", "123-abc"}));
  }
  return out;
}

Messages Dns1123SubdomainErrors(std::string_view value) {
  return SubdomainErrors(value, "characters");
}

Messages Dns1123SubdomainWithUnderscoreErrors(std::string_view value) {
  Messages out;
  if (value.size() > kSubdomainBytesMax) out.push_back(LengthMessage(kSubdomainBytesMax));
  const auto parts = Split(value, '.');
  if (!std::all_of(parts.begin(), parts.end(), IsLabelWithUnderscore)) {
    out.push_back(PatternMessage(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', "
        "'-' or '.', and must start and end with an alphanumeric character",
        "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*", {"example.com"}));
  }
  return out;
}

Messages Dns1035LabelErrors(std::string_view value) {
  Messages out;
  if (value.size() > kLabelBytesMax) out.push_back(LengthMessage(kLabelBytesMax));
  if (!IsLabel(value) || !IsLower(value.front())) {
    out.push_back(PatternMessage(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "
        "an alphabetic character, and end with an alphanumeric character",
        "[a-z]([-a-z0-9]*[a-z0-9])?", {"my-name", "abc-123"}));
  }
  return out;
}

Messages WildcardDns1123SubdomainErrors(std::string_view value) {
  Messages out;
  if (value.size() > kSubdomainBytesMax) out.push_back(LengthMessage(kSubdomainBytesMax));
  if (!value.starts_with("*.") || !IsSubdomain(value.substr(2))) {
    out.push_back(PatternMessage(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
        "which must consist of lower case alphanumeric characters, '-' or '.' and end with an "
        "alphanumeric character",
        "\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        {"*.example.com"}));
  }
  return out;
}

Messages LabelKeyErrors(std::string_view value) {
  const auto form = [] {
    return PatternMessage(kQualifiedNameText, kQualifiedNamePattern,
                          {"MyName", "my.name", "123-abc"});
  };
  const auto parts = Split(value, '/');
  if (parts.size() > 2) {
    return {"a valid label key " + form() +
            " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"};
  }
  Messages out;
  if (parts.size() == 2) {
    if (parts[0].empty()) out.push_back("prefix part must be non-empty");
    for (const std::string& message :
         parts[0].empty() ? Messages{} : SubdomainErrors(parts[0], "bytes")) {
      out.push_back("prefix part " + message);
    }
  }
  const std::string_view name = parts.back();
  if (name.empty()) out.push_back("name part must be non-empty");
  if (name.size() > kLabelBytesMax) {
    out.push_back("name part " + LengthMessage(kLabelBytesMax, "bytes"));
  }
  if (!IsQualifiedNamePart(name)) out.push_back("name part " + form());
  return out;
}

Messages LabelValueErrors(std::string_view value) {
  Messages out;
  if (value.size() > kLabelBytesMax) out.push_back(LengthMessage(kLabelBytesMax, "bytes"));
  if (!value.empty() && !IsQualifiedNamePart(value)) {
    out.push_back(PatternMessage(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "
        "or '.', and must start and end with an alphanumeric character",
        "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", {"MyValue", "my_value", "12345"}));
  }
  return out;
}

Messages CIdentifierErrors(std::string_view value) {
  if (!value.empty() && !IsDigit(value[0]) &&
      AllOf(value, [](char c) { return IsAlnum(c) || c == '_'; })) {
    return {};
  }
  return {PatternMessage(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of "
      "alphanumeric characters or '_'",
      "[A-Za-z_][A-Za-z0-9_]*", {"my_name", "MY_NAME", "MyName"})};
}

Messages EnvVarNameErrors(std::string_view value) {
  if (value.empty()) return {"environment variable name must be non-empty"};
  if (AllOf(value, [](char c) { return c >= 0x20 && c < 0x7f && c != '='; })) return {};
  return {
      "a valid environment variable name must consist only of printable ASCII characters other "
      "than '='"};
}

Messages ConfigMapKeyErrors(std::string_view value) {
  Messages out;
  if (value.size() > kSubdomainBytesMax) out.push_back(LengthMessage(kSubdomainBytesMax));
  const auto allowed = [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; };
  if (value.empty() || !AllOf(value, allowed)) {
    out.push_back(
        PatternMessage("a valid config key must consist of alphanumeric characters, '-', '_' or "
                       "'.'",
                       "[-._a-zA-Z0-9]+", {"key.name", "KEY_NAME", "key-name"}));
  }
  for (std::string& message : ChDirPrefixErrors(value)) out.push_back(std::move(message));
  return out;
}

Messages HttpHeaderNameErrors(std::string_view value) {
  if (!value.empty() && AllOf(value, [](char c) { return IsAlnum(c) || c == '-'; })) return {};
  return {PatternMessage("a valid HTTP header must consist of alphanumeric characters or '-'",
                         "[-A-Za-z0-9]+", {"X-Header-Name"})};
}

Messages PercentErrors(std::string_view value) {
  if (value.size() > 1 && value.ends_with('%') &&
      AllOf(value.substr(0, value.size() - 1), IsDigit)) {
    return {};
  }
  return {
      PatternMessage("a valid percent string must be a numeric string followed by an ending '%'",
                     "[0-9]+%", {"1%", "93%"})};
}

Messages PortNumberErrors(int64_t port) {
  return port >= 1 && port <= 65535 ? Messages{} : Messages{RangeMessage(1, 65535)};
}

Messages PortNameErrors(std::string_view value) {
  Messages out;
  if (value.size() > kPortNameBytesMax) out.push_back(LengthMessage(kPortNameBytesMax));
  if (value.empty() || !AllOf(value, [](char c) { return IsLowerAlnum(c) || c == '-'; })) {
    out.push_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (std::none_of(value.begin(), value.end(), IsLower)) {
    out.push_back("must contain at least one letter (a-z)");
  }
  if (value.find("--") != std::string_view::npos) {
    out.push_back("must not contain consecutive hyphens");
  }
  if (value.starts_with('-') || value.ends_with('-')) {
    out.push_back("must not begin or end with a hyphen");
  }
  return out;
}

Messages UserIdErrors(int64_t id) {
  return id >= 0 && id <= kIdMax ? Messages{} : Messages{RangeMessage(0, kIdMax)};
}

Messages PathSegmentErrors(std::string_view value) {
  if (value == "." || value == "..") return {fmt::format("may not be '{}'", value)};
  return PathSegmentPrefixErrors(value);
}

Messages PathSegmentPrefixErrors(std::string_view value) {
  Messages out;
  for (const char c : {'/', '%'}) {
    if (value.find(c) != std::string_view::npos) {
      out.push_back(fmt::format("may not contain '{}'", c));
    }
  }
  return out;
}

Messages ConditionReasonErrors(std::string_view value) {
  const auto allowed = [](char c) { return IsAlnum(c) || c == '_' || c == ',' || c == ':'; };
  if (!value.empty() && IsLetter(value.front()) && (IsAlnum(value.back()) || value.back() == '_') &&
      AllOf(value, allowed)) {
    return {};
  }
  return {PatternMessage(
      "a condition reason must start with alphabetic character, optionally followed by a string "
      "of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
      "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?",
      {"my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB"})};
}

Messages ChDirPrefixErrors(std::string_view value) {
  if (value == "." || value == "..") return {fmt::format("must not be '{}'", value)};
  if (value.starts_with("..")) return {"must not start with '..'"};
  return {};
}

Messages NameIsDnsSubdomain(std::string_view name, bool is_prefix) {
  return Dns1123SubdomainErrors(Masked(name, is_prefix));
}

Messages NameIsDnsLabel(std::string_view name, bool is_prefix) {
  return Dns1123LabelErrors(Masked(name, is_prefix));
}

Messages NameIsDns1035Label(std::string_view name, bool is_prefix) {
  return Dns1035LabelErrors(Masked(name, is_prefix));
}

Messages NameIsPathSegment(std::string_view name, bool is_prefix) {
  return is_prefix ? PathSegmentPrefixErrors(name) : PathSegmentErrors(name);
}

void ValidateFullyQualifiedName(std::string_view value, const FieldPath& path, Violations& out) {
  if (value.empty()) return out.Required(path);
  if (const Messages messages = Dns1123SubdomainErrors(value); !messages.empty()) {
    return out.Invalid(path, value, Join(messages, ","));
  }
  if (std::count(value.begin(), value.end(), '.') < 2) {
    out.Invalid(path, value, "should be a domain with at least three segments separated by dots");
  }
}

void ValidateFullyQualifiedDomainName(std::string_view value, const FieldPath& path,
                                      Violations& out) {
  if (value.empty()) return out.Required(path);
  std::string_view name = value;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (const Messages messages = Dns1123SubdomainErrors(name); !messages.empty()) {
    return out.Invalid(path, name, Join(messages, ","));
  }
  const auto labels = Split(name, '.');
  if (labels.size() < 2) {
    return out.Invalid(path, name,
                       "should be a domain with at least two segments separated by dots");
  }
  for (const std::string_view label : labels) {
    if (const Messages messages = Dns1123LabelErrors(label); !messages.empty()) {
      return out.Invalid(path, label, Join(messages, ","));
    }
  }
}

void ValidateDomainPrefixedPath(std::string_view value, const FieldPath& path, Violations& out) {
  if (value.empty()) return out.Required(path);
  const size_t slash = value.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == value.size()) {
    return out.Invalid(path, value, "must be a domain-prefixed path (such as \"acme.io/foo\")");
  }
  const std::string_view host = value.substr(0, slash);
  out.InvalidEach(path, host, Dns1123SubdomainErrors(host));
  constexpr std::string_view kMarks = "/-._~%!$&'()*+,;=:";
  const std::string_view rest = value.substr(slash + 1);
  const auto allowed = [&](char c) {
    return IsAlnum(c) || kMarks.find(c) != std::string_view::npos;
  };
  if (!AllOf(rest, allowed)) {
    out.Invalid(path, rest,
                "Invalid path (regex used for validation is "
                "'[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
  }
}

void ValidateCsiDriverName(std::string_view value, const FieldPath& path, Violations& out) {
  if (value.empty()) return out.Required(path);
  if (value.size() > kLabelBytesMax) out.TooLong(path, kLabelBytesMax);
  out.InvalidEach(path, value, Dns1123SubdomainErrors(Lower(value)));
}

void ValidateSignerName(std::string_view value, const FieldPath& path, Violations& out) {
  if (value.empty()) return out.Required(path);
  const auto parts = Split(value, '/');
  if (parts.size() != 2) {
    return out.Invalid(
        path, value,
        "must be a fully qualified domain and path of the form 'example.com/signer-name'");
  }
  if (parts[0].size() > kSubdomainBytesMax) out.TooLong(path, kSubdomainBytesMax);
  const auto check_labels = [&](std::string_view text, Messages (*errors)(std::string_view)) {
    for (const std::string_view label : Split(text, '.')) {
      const Messages messages = errors(label);
      if (messages.empty()) continue;
      out.Invalid(path, text, fmt::format("validating label \"{}\": {}", label, messages[0]));
      return;
    }
  };
  check_labels(parts[0], Dns1123LabelErrors);
  if (parts[0].find('.') == std::string_view::npos) {
    out.Invalid(path, parts[0], "should be a domain with at least two segments separated by dots");
  }
  check_labels(parts[1], Dns1123SubdomainErrors);
  if (value.size() > kSignerNameBytesMax) out.TooLong(path, kSignerNameBytesMax);
}

}  // namespace skiff

// semver(): versions of the form 1.2.3-rc.1+build.
#include <algorithm>
#include <array>
#include <charconv>

#include "api/cel/libraries.h"
#include "api/cel/limits.h"
#include "api/cel/made_bytes.h"
#include "api/text/go_text.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

struct Version {
  std::array<uint64_t, 3> numbers{};
  std::vector<std::string> prerelease;
  std::string error;
};

std::vector<std::string> SplitParts(std::string_view text, char separator, size_t parts_max) {
  std::vector<std::string> parts;
  while (parts.size() + 1 < parts_max) {
    const size_t at = text.find(separator);
    if (at == std::string_view::npos) break;
    parts.emplace_back(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  parts.emplace_back(text);
  return parts;
}

bool OnlyDigits(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}
bool PaddedNumber(std::string_view text) {
  return text.size() > 1 && text[0] == '0';
}
bool OnlyWordsAndDashes(std::string_view text) {
  return text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789") ==
         std::string_view::npos;
}

std::string ReadVersionNumber(std::string_view text, std::string_view name, uint64_t& out) {
  std::string capital(name);
  capital[0] = static_cast<char>(capital[0] - 0x20);
  if (!OnlyDigits(text)) {
    return "Invalid character(s) found in " + std::string(name) + " number " + GoQuote(text);
  }
  if (PaddedNumber(text)) {
    return capital + " number must not contain leading zeroes " + GoQuote(text);
  }
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  if (read.ec == std::errc()) return "";
  return "strconv.ParseUint: parsing " + GoQuote(text) + ": " +
         (text.empty() ? "invalid syntax" : "value out of range");
}

std::string PrereleaseError(const std::string& part) {
  if (part.empty()) return "Prerelease is empty";
  if (OnlyDigits(part)) {
    if (!PaddedNumber(part)) return "";
    return "Numeric PreRelease version must not contain leading zeroes " + GoQuote(part);
  }
  if (OnlyWordsAndDashes(part)) return "";
  return "Invalid character(s) found in prerelease " + GoQuote(part);
}

std::string BuildError(const std::string& part) {
  if (part.empty()) return "Build meta data is empty";
  if (OnlyWordsAndDashes(part)) return "";
  return "Invalid character(s) found in build meta data " + GoQuote(part);
}

Version ParseVersion(std::string_view text) {
  Version out;
  const auto wrong = [&](std::string error) {
    out.error = std::move(error);
    return out;
  };
  if (text.empty()) return wrong("Version string empty");
  std::vector<std::string> parts = SplitParts(text, '.', 3);
  if (parts.size() != 3) return wrong("No Major.Minor.Patch elements found");
  std::string patch = parts[2];
  std::vector<std::string> build;
  if (const size_t plus = patch.find('+'); plus != std::string::npos) {
    build = SplitParts(std::string_view(patch).substr(plus + 1), '.', SIZE_MAX);
    patch.resize(plus);
  }
  if (const size_t dash = patch.find('-'); dash != std::string::npos) {
    out.prerelease = SplitParts(std::string_view(patch).substr(dash + 1), '.', SIZE_MAX);
    patch.resize(dash);
  }
  const std::array<std::string_view, 3> texts = {parts[0], parts[1], patch};
  constexpr std::array<std::string_view, 3> kNames = {"major", "minor", "patch"};
  for (size_t i = 0; i < texts.size(); ++i) {
    std::string error = ReadVersionNumber(texts[i], kNames[i], out.numbers[i]);
    if (!error.empty()) return wrong(std::move(error));
  }
  for (const std::string& part : out.prerelease) {
    if (std::string error = PrereleaseError(part); !error.empty()) return wrong(std::move(error));
  }
  for (const std::string& part : build) {
    if (std::string error = BuildError(part); !error.empty()) return wrong(std::move(error));
  }
  return out;
}

// "v1.02" -> "1.2.0".
Version ParseLooseVersion(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  std::vector<std::string> parts = SplitParts(text, '.', 3);
  for (std::string& part : parts) {
    if (part.size() < 2) continue;
    part.erase(0, std::min(part.find_first_not_of('0'), part.size()));
    if (part.empty() || !OnlyDigits(part.substr(0, 1))) part.insert(0, "0");
  }
  if (parts.size() < 3 && parts.back().find_first_of("+-") != std::string::npos) {
    Version out;
    out.error = "short version cannot contain PreRelease/Build meta data";
    return out;
  }
  parts.resize(3, "0");
  return ParseVersion(parts[0] + "." + parts[1] + "." + parts[2]);
}

int ComparePrereleaseParts(const std::string& a, const std::string& b) {
  looks_of_thread += 1 + (a.size() + b.size()) / kTextBytesPerLook;
  const bool numbers[] = {OnlyDigits(a), OnlyDigits(b)};
  if (numbers[0] != numbers[1]) return numbers[0] ? -1 : 1;
  if (numbers[0] && a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a == b ? 0 : a < b ? -1 : 1;
}

int CompareVersions(const Version& a, const Version& b) {
  if (a.numbers != b.numbers) return a.numbers < b.numbers ? -1 : 1;
  if (a.prerelease.empty() || b.prerelease.empty()) {
    return static_cast<int>(a.prerelease.empty()) - static_cast<int>(b.prerelease.empty());
  }
  const size_t both = std::min(a.prerelease.size(), b.prerelease.size());
  for (size_t i = 0; i < both; ++i) {
    const int order = ComparePrereleaseParts(a.prerelease[i], b.prerelease[i]);
    if (order != 0) return order;
  }
  if (a.prerelease.size() == b.prerelease.size()) return 0;
  return a.prerelease.size() < b.prerelease.size() ? -1 : 1;
}

class SemverValue final : public OpaqueValue {
 public:
  explicit SemverValue(Version value) : version(std::move(value)) {}
  const char* TypeName() const override { return "kubernetes.Semver"; }
  bool Equals(const OpaqueValue& other) const override {
    const auto* that = dynamic_cast<const SemverValue*>(&other);
    return that != nullptr && CompareVersions(version, that->version) == 0;
  }
  size_t Bytes() const override {
    size_t bytes = sizeof *this + version.prerelease.capacity() * sizeof(std::string);
    for (const std::string& part : version.prerelease) bytes += part.size();
    return bytes;
  }
  const Version version;
};

Version ReadAs(Args a) {
  const std::string_view text = a[0].text();
  const auto dots = static_cast<size_t>(std::count(text.begin(), text.end(), '.'));
  Version none;
  none.error = kBudgetText;
  if (!MakeScratch(3 * text.size() + 3 * dots * sizeof(std::string))) return none;
  const bool loose = a.size() > 1 && a[1].boolean();
  return loose ? ParseLooseVersion(a[0].text()) : ParseVersion(a[0].text());
}
Value MakeVersion(Version version) {
  if (!version.error.empty()) return Value::Error(version.error);
  return Value::Opaque(std::make_shared<SemverValue>(std::move(version)));
}
Value ReadVersion(Args a) {
  return MakeVersion(ReadAs(a));
}
Value IsSemver(Args a) {
  return Value::Bool(ReadAs(a).error.empty());
}
const Version& VersionIn(const Value& value) {
  return static_cast<const SemverValue&>(value.opaque()).version;
}
template <size_t part>
Value VersionPart(Args a) {
  return Value::Int(static_cast<int64_t>(VersionIn(a[0]).numbers[part]));
}
Value VersionOrder(Args a) {
  return Value::Int(CompareVersions(VersionIn(a[0]), VersionIn(a[1])));
}
Value NewerVersion(Args a) {
  return Value::Bool(CompareVersions(VersionIn(a[0]), VersionIn(a[1])) > 0);
}
Value OlderVersion(Args a) {
  return Value::Bool(CompareVersions(VersionIn(a[0]), VersionIn(a[1])) < 0);
}

constexpr std::array kVersions = {
    Declaration{"semver", "(string) -> kubernetes.Semver", ReadVersion, CostRule::kTraverse},
    Declaration{"semver", "(string, bool) -> kubernetes.Semver", ReadVersion, CostRule::kTraverse},
    Declaration{"isSemver", "(string) -> bool", IsSemver, CostRule::kTraverse},
    Declaration{"isSemver", "(string, bool) -> bool", IsSemver, CostRule::kTraverse},
    Declaration{"major", "kubernetes.Semver.() -> int", VersionPart<0>},
    Declaration{"minor", "kubernetes.Semver.() -> int", VersionPart<1>},
    Declaration{"patch", "kubernetes.Semver.() -> int", VersionPart<2>},
    Declaration{"isGreaterThan", "kubernetes.Semver.(kubernetes.Semver) -> bool", NewerVersion},
    Declaration{"isLessThan", "kubernetes.Semver.(kubernetes.Semver) -> bool", OlderVersion},
    Declaration{"compareTo", "kubernetes.Semver.(kubernetes.Semver) -> int", VersionOrder}};

}  // namespace

Value SemverOf(std::string_view text) {
  return MakeVersion(ParseVersion(text));
}

void AddSemverFunctions(FunctionTable& table) {
  table.Add(kVersions);
}

}  // namespace skiff::cel

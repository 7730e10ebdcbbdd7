// format: the formats of Kubernetes' names, by name.
#include <array>

#include "api/cel/go_url.h"
#include "api/cel/libraries.h"
#include "api/cel/patterns.h"
#include "api/cel/text_lists.h"
#include "api/crd/formats.h"
#include "api/rules/names.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

Messages UriErrors(std::string_view text) {
  const std::string error = ParseRequestUri(text).error;
  return error.empty() ? Messages{} : Messages{error};
}
Messages UuidErrors(std::string_view text) {
  const TextSearch search(
      "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$", text);
  re2::StringPiece match;
  if (search.work_error().empty() && search.Next(0, match)) return {};
  return {"does not match the UUID format"};
}
Messages Base64Errors(std::string_view text) {
  return crd::HasFormat("byte", text) ? Messages{} : Messages{"invalid base64"};
}
Messages DateErrors(std::string_view text) {
  return crd::HasFormat("date", text) ? Messages{} : Messages{"invalid date"};
}
Messages DateTimeErrors(std::string_view text) {
  return crd::HasFormat("datetime", text) ? Messages{} : Messages{"invalid datetime"};
}
Messages LabelPrefixErrors(std::string_view text) {
  return NameIsDnsLabel(text, true);
}
Messages SubdomainPrefixErrors(std::string_view text) {
  return NameIsDnsSubdomain(text, true);
}
Messages Dns1035PrefixErrors(std::string_view text) {
  return NameIsDns1035Label(text, true);
}
Messages LabelErrors(std::string_view text) {
  return NameIsDnsLabel(text, false);
}
Messages SubdomainErrors(std::string_view text) {
  return NameIsDnsSubdomain(text, false);
}
Messages Dns1035Errors(std::string_view text) {
  return NameIsDns1035Label(text, false);
}

struct NamedFormat {
  const char* name;
  const char* function;
  Messages (*errors)(std::string_view);
  // Characters of the longest pattern behind it, by which it costs.
  int pattern;
};
constexpr std::array kFormats = {
    NamedFormat{"dns1123Label", "format.dns1123Label", LabelErrors, 30},
    NamedFormat{"dns1123Subdomain", "format.dns1123Subdomain", SubdomainErrors, 60},
    NamedFormat{"dns1035Label", "format.dns1035Label", Dns1035Errors, 30},
    NamedFormat{"qualifiedName", "format.qualifiedName", LabelKeyErrors, 60},
    NamedFormat{"dns1123LabelPrefix", "format.dns1123LabelPrefix", LabelPrefixErrors, 30},
    NamedFormat{"dns1123SubdomainPrefix", "format.dns1123SubdomainPrefix", SubdomainPrefixErrors,
                60},
    NamedFormat{"dns1035LabelPrefix", "format.dns1035LabelPrefix", Dns1035PrefixErrors, 30},
    NamedFormat{"labelValue", "format.labelValue", LabelValueErrors, 40},
    NamedFormat{"uri", "format.uri", UriErrors, 1103},
    NamedFormat{"uuid", "format.uuid", UuidErrors, 70},
    NamedFormat{"byte", "format.byte", Base64Errors, 84},
    NamedFormat{"date", "format.date", DateErrors, 71},
    NamedFormat{"datetime", "format.datetime", DateTimeErrors, 71}};

class FormatValueOf final : public OpaqueValue {
 public:
  explicit FormatValueOf(const NamedFormat& named) : format(named) {}
  const char* TypeName() const override { return "kubernetes.NamedFormat"; }
  bool Equals(const OpaqueValue& other) const override {
    const auto* that = dynamic_cast<const FormatValueOf*>(&other);
    return that != nullptr && &that->format == &format;
  }
  const NamedFormat& format;
};

Value MakeFormat(const NamedFormat& format) {
  return Value::Opaque(std::make_shared<FormatValueOf>(format));
}
template <size_t index>
Value FormatAt(Args) {
  return MakeFormat(kFormats[index]);
}
Value FormatNamed(Args a) {
  for (const NamedFormat& format : kFormats) {
    if (a[0].text() == format.name) return Value::Some(MakeFormat(format));
  }
  return Value::None();
}
Value ValidateFormat(Args a) {
  const auto& format = static_cast<const FormatValueOf&>(a[0].opaque()).format;
  std::vector<std::string> errors = format.errors(a[1].text());
  return errors.empty() ? Value::None() : Value::Some(ListOfTexts(std::move(errors)));
}

template <size_t... index>
void AddEach(FunctionTable& table, std::index_sequence<index...>) {
  const Declaration lines[] = {
      {kFormats[index].function, "() -> kubernetes.NamedFormat", FormatAt<index>}...};
  table.Add(lines);
}

constexpr std::array kFormatFunctions = {
    Declaration{"format.named", "(string) -> optional(kubernetes.NamedFormat)", FormatNamed},
    Declaration{"validate", "kubernetes.NamedFormat.(string) -> optional(list(string))",
                ValidateFormat, CostRule::kValidate}};

}  // namespace

uint64_t FormatPatternLength(const Value& format) {
  const auto* named = format.OpaqueAs<FormatValueOf>();
  return named == nullptr ? 0 : static_cast<uint64_t>(named->format.pattern);
}

void AddNamedFormatFunctions(FunctionTable& table) {
  table.Add(kFormatFunctions);
  AddEach(table, std::make_index_sequence<kFormats.size()>());
}

}  // namespace skiff::cel
